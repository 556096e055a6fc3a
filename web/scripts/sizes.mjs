// Says what a browser loads, gzip, and fails when it is more than was promised.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'));
const weigh = (file) => gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length;
function needs(name, seen = new Set()) {
  const entry = manifest[name];
  if (!entry || seen.has(entry.file)) return seen;
  seen.add(entry.file);
  for (const css of entry.css ?? []) seen.add(css);
  for (const next of entry.imports ?? []) needs(next, seen);
  return seen;
}
const sum = (files) => [...files].reduce((total, file) => total + weigh(file), 0);
const entry = 'index.html';
const signIn = new Set([...needs(entry), ...needs('src/pages/sign-in/SignIn.tsx')]);
const shell = new Set([...needs(entry), ...needs('src/App.tsx')]);
const editor = new Set([...needs('src/pages/workflows/Editor.tsx')].filter((file) => !shell.has(file)));
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
let failed = false;
for (const [what, files, most] of [['sign-in', signIn, 90], ['app shell', shell, 200], ['editor, more', editor, 400]]) {
  const size = sum(files);
  console.log(`${what}: ${kib(size)} of ${most} KB, ${files.size} files`);
  failed ||= size > most * 1024;
}
process.exit(failed ? 1 : 0);
