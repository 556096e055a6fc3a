// Writes a Brotli copy beside every text file, so that the server compresses nothing while it serves.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';

for (const name of readdirSync('dist', { recursive: true })) {
  if (!/\.(js|css|html|svg|json)$/.test(name) || name.startsWith('.vite')) continue;
  const bytes = readFileSync(`dist/${name}`);
  writeFileSync(`dist/${name}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
}
