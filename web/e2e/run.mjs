// The dashboard's journeys: `node e2e/run.mjs path/to/nodeloom [only…]`, each with a real server and a real browser.
import { startBrowser, startServer } from './harness.mjs';
import account from './journeys/account.mjs';
import attacks from './journeys/attacks.mjs';
import audit from './journeys/audit.mjs';
import compliance from './journeys/compliance.mjs';
import data from './journeys/data.mjs';
import editor from './journeys/editor.mjs';
import guardrails from './journeys/guardrails.mjs';
import keyboard from './journeys/keyboard.mjs';
import pages from './journeys/pages.mjs';
import people from './journeys/people.mjs';
import roles from './journeys/roles.mjs';
import runs from './journeys/runs.mjs';
import sanitise from './journeys/sanitise.mjs';
import setUp from './journeys/set-up.mjs';
import siem from './journeys/siem.mjs';
import team from './journeys/team.mjs';
import usage from './journeys/usage.mjs';

const [binary, ...only] = process.argv.slice(2);
if (!binary) throw new Error('usage: node e2e/run.mjs BINARY [PART…]');
const server = await startServer(binary, { env: { NODELOOM_EGRESS__ALLOW_PRIVATE: '127.0.0.1', NODELOOM_SANDBOX__ENABLED: 'true' } });
const { browser, open, wrong, elsewhere } = await startBrowser(server.origin);
let passed = 0;
const failed = [];
/** Like the other tests, a journey may be walked twice; one that needed it is a defect and says FLAKY. */
const journey = async (name, run, again = true) => {
  const before = wrong.length;
  try {
    await run();
    if (wrong.length > before) throw new Error(wrong.slice(before).join('\n'));
    passed += 1;
    console.log(`PASS ${name}`);
  } catch (error) {
    console.log(`${again ? 'FLAKY' : 'FAIL'} ${name}\n  ${String(error?.stack ?? error).replaceAll(/\u001b\[\d+m/g, '').slice(0, 1500)}`);
    if (process.env.NODELOOM_E2E_FAILED) await here.page?.screenshot({ path: `${process.env.NODELOOM_E2E_FAILED}/${name.replaceAll(/[^a-z0-9]+/gi, '-').slice(0, 60)}.png` }).catch(() => {});
    if (again) return journey(name, run, false);
    failed.push(name);
  }
};
/** What the parts share: the server, the page that is signed in, `base` (its address of team and environment), `api`, `call`. */
const here = { binary, server, browser, open, journey, wrong, elsewhere };
const parts = { setUp, editor, runs, guardrails, siem, usage, data, team, audit, compliance, pages, keyboard, attacks, sanitise, roles, people, account };
for (const [name, part] of Object.entries(parts)) {
  if (only.length === 0 || name === 'setUp' || only.includes(name)) await part(here);
}
await browser.close();
await server.stop();
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);
