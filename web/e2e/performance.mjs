// The figures of the dashboard in headless Chromium: `node e2e/performance.mjs path/to/nodeloom [PART…]`.
// Parts: `prepare` fills a folder, `editor` and `lists` measure with it, `remove` takes it away; without a part, all of them.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { caller, setUp, signIn, startBrowser, startServer } from './harness.mjs';

const [binary, ...asked] = process.argv.slice(2);
if (!binary) throw new Error('usage: node e2e/performance.mjs BINARY [prepare|editor|lists|remove…]');
const parts = asked.length > 0 ? asked : ['prepare', 'editor', 'lists', 'remove'];
const RUNS = Number(process.env.NODELOOM_FIGURES_RUNS ?? 100_000);
const ENTRIES = Number(process.env.NODELOOM_FIGURES_ENTRIES ?? 1_000_000);
const NODES = 200;
const AGAIN = 5;
const known = join(tmpdir(), 'nodeloom-web-figures.json');
const tell = (what, figure, reach) => console.log(`${what.padEnd(78)} ${figure.padStart(18)}  ${reach ? `reach: ${reach}` : ''}`);
const ms = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const at = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
const spread = (values) => `${ms(at(values, 0.5))} (${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)})`;

/** A workflow of 200 nodes, 100,000 runs and 1,000,000 entries: written by the server, copied into its stopped database. */
async function prepare() {
  const server = await startServer(binary);
  const chromium = await startBrowser(server.origin);
  const page = await chromium.open();
  await setUp(page, server.link);
  await signIn(page, server.origin);
  const base = /\/t\/[^/]+\/development/.exec(page.url())[0];
  const api = `/api/v1/teams/${base.split('/')[2]}/development`;
  const call = await caller(page, server.origin);
  const nodes = [{ id: 'in', type: 'MANUAL_TRIGGER', position: { x: 0, y: 0 } }];
  const edges = [];
  for (let n = 1; n < NODES; n++) {
    nodes.push({ id: `n${n}`, type: 'TRANSFORM', name: `Step ${n}`, parameters: { template: { n, was: '{{ previous }}' } }, position: { x: (n % 20) * 250, y: Math.floor(n / 20) * 120 } });
    edges.push({ from: n % 20 === 0 || n === 1 ? 'in' : `n${n - 1}`, to: `n${n}` });
  }
  const big = await call('POST', `${api}/workflows`, { definition: { name: 'two hundred nodes', nodes, edges } });
  if (big.status !== 201) throw new Error(JSON.stringify(big.body));
  const small = await call('POST', `${api}/workflows`, { definition: { name: 'one node', nodes: [nodes[0]] } });
  for (let n = 0; n < 3; n++) await call('POST', `${api}/workflows/${small.body.id}/runs`, { input: { n }, wait_seconds: 10, version: small.body.latest_version });
  await chromium.browser.close();
  await server.stop({ keep: true });
  console.log(execFileSync('python3', [fileURLToPath(new URL('seed.py', import.meta.url)), join(server.folder, 'nodeloom.db'), String(RUNS), String(ENTRIES)], { encoding: 'utf8' }).trim());
  writeFileSync(known, JSON.stringify({ folder: server.folder, base, big: big.body.id }));
}

/** When the page last kept the keyboard and the pointer waiting, once `shown` is there and half a second was quiet. */
async function interactive(page, address, shown) {
  await page.goto('about:blank');
  await page.goto(address, { waitUntil: 'commit' });
  return page.evaluate(
    (selector) =>
      new Promise((resolve) => {
        let busy = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => { busy = Math.max(busy, entry.startTime + entry.duration); })).observe({ type: 'longtask', buffered: true });
        let there = 0;
        const look = () => {
          there ||= document.querySelector(selector) ? performance.now() : 0;
          const ready = Math.max(there, busy);
          if (there && performance.now() - ready > 500) resolve(ready);
          else setTimeout(look, 10);
        };
        look();
      }),
    shown,
  );
}

async function editor({ page, origin, base, big }) {
  for (const [what, warm] of [['cold cache', false], ['again', true]]) {
    const times = [];
    for (let n = 0; n < AGAIN; n++) {
      if (!warm) await (await page.context().newCDPSession(page)).send('Network.clearBrowserCache');
      times.push(await interactive(page, `${origin}${base}/workflows/${big}`, '.react-flow__node'));
    }
    tell(`editor with ${NODES} nodes, interactive, ${what}, median of ${AGAIN}`, spread(times), '1500 ms');
  }
  tell('  nodes that are drawn', String(await page.locator('.react-flow__node').count()), '');

  // Dragging, as the browser's own trace sees it.
  const session = await page.context().newCDPSession(page);
  const trace = [];
  session.on('Tracing.dataCollected', ({ value }) => trace.push(...value));
  const node = page.locator('.react-flow__node[data-id=n5]');
  const box = await node.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 10, y + 10);
  await session.send('Tracing.start', { transferMode: 'ReportEvents', categories: 'devtools.timeline,devtools.timeline.frame,disabled-by-default-devtools.timeline,disabled-by-default-devtools.timeline.frame' });
  for (let step = 0; step < 90; step++) {
    await page.mouse.move(x + 10 + step * 2, y + 10 + Math.sin(step / 6) * 60);
    await page.waitForTimeout(16);
  }
  const over = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await over;
  await page.mouse.up();
  const moved = (await node.boundingBox()).x - box.x;
  if (moved < 100) throw new Error(`the node moved ${moved} px: it was not dragged`);
  const WORK = new Set(['EventDispatch', 'FunctionCall', 'FireAnimationFrame', 'TimerFire', 'RunMicrotasks', 'EvaluateScript', 'Layout', 'UpdateLayoutTree', 'PrePaint', 'ResizeObserver']);
  const main = trace.find((one) => one.name === 'FireAnimationFrame' || one.name === 'EventDispatch');
  const work = trace.filter((one) => one.ph === 'X' && one.tid === main?.tid && one.pid === main?.pid && WORK.has(one.name)).sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  const top = [];
  for (const one of work) if (top.length === 0 || one.ts >= top.at(-1).ts + top.at(-1).dur) top.push(one);
  const begins = trace.filter((one) => one.name === 'BeginMainThreadFrame' && one.tid === main?.tid && one.pid === main?.pid).map((one) => one.ts).sort((a, b) => a - b);
  // A browser that does not tell its frames is cut into sixtieths of a second.
  if (begins.length < 2 && top.length > 0) for (let ts = top[0].ts; ts < top.at(-1).ts + 16_667; ts += 16_667) begins.push(ts);
  const frames = begins.slice(1).map((end, index) => top.filter((one) => one.ts >= begins[index] && one.ts < end).reduce((sum, one) => sum + (one.dur ?? 0), 0) / 1000);
  tell(`dragging a node among ${NODES}, script and layout a frame, mean of ${frames.length}`, ms(frames.reduce((sum, one) => sum + one, 0) / frames.length), '12 ms');
  tell('  95th percentile', ms(at(frames, 0.95)), '');
}

/** From the click that leads there to the first rows, and how the list scrolls. */
async function list({ page, origin, base }, name, label, what, many) {
  const times = [];
  const answers = [];
  page.on('requestfinished', (one) => { if (new RegExp(`/development/${name.toLowerCase()}\\?`).test(one.url()) && !/status=/.test(one.url())) answers.push(one.timing().responseEnd - one.timing().requestStart); });
  for (let n = 0; n < AGAIN; n++) {
    await page.goto(`${origin}${base}`);
    await page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    await page.waitForTimeout(1500);
    await page.getByRole('link', { name, exact: true }).hover();
    await page.waitForTimeout(500);
    answers.length = 0;
    times.push(await page.evaluate(
      ([text, of]) =>
        new Promise((resolve) => {
          const begin = performance.now();
          [...document.querySelectorAll('nav a')].find((one) => one.textContent.trim() === text).click();
          const look = () => (document.querySelector(`[aria-label="${of}"] [role=row] [role=cell]`) ? requestAnimationFrame(() => resolve(performance.now() - begin)) : requestAnimationFrame(look));
          look();
        }),
      [name, label],
    ));
  }
  tell(`${what}: first page shown after the click, median of ${AGAIN}`, spread(times), '300 ms');
  tell('  of that, until the server had answered (the last time)', answers[0] === undefined ? '–' : ms(answers[0]), '');
  const scrolled = await page.evaluate(
    (of) =>
      new Promise((resolve) => {
        const scroller = document.querySelector(`[aria-label="${of}"] [tabindex="0"]`);
        const times = [];
        let before = performance.now();
        let left = 240;
        const step = (now) => {
          times.push(now - before);
          before = now;
          scroller.scrollTop += 400;
          if (left-- > 0) requestAnimationFrame(step);
          else resolve({ times: times.slice(1), rows: document.querySelectorAll(`[aria-label="${of}"] [role=row]`).length, top: scroller.scrollTop });
        };
        requestAnimationFrame(step);
      }),
    label,
  );
  tell(`${what}: frames while scrolling, median and 95th percentile`, `${ms(at(scrolled.times, 0.5))}, ${ms(at(scrolled.times, 0.95))}`, 'smooth');
  tell(`  rows in the page after ${Math.round(scrolled.top).toLocaleString()} px`, String(scrolled.rows), `not ${many}`);
}

const PARTS = {
  editor,
  lists: async (here) => {
    await list(here, 'Runs', 'Runs', `runs list of ${RUNS.toLocaleString()}`, RUNS.toLocaleString());
    await list(here, 'Audit', 'Audit entries', `audit of ${ENTRIES.toLocaleString()}`, ENTRIES.toLocaleString());
  },
};
if (parts.includes('prepare')) await prepare();
const measured = Object.keys(PARTS).filter((part) => parts.includes(part));
if (measured.length > 0) {
  if (!existsSync(known)) throw new Error('nothing is prepared');
  const { folder, ...seeded } = JSON.parse(readFileSync(known, 'utf8'));
  const server = await startServer(binary, { folder, again: true });
  const chromium = await startBrowser(server.origin);
  const page = await chromium.open();
  await signIn(page, server.origin);
  console.log(`load before: ${loadavg().map((one) => one.toFixed(1)).join(' ')}, ${new Date().toISOString().slice(0, 16)}Z`);
  for (const part of measured) await PARTS[part]({ ...seeded, page, origin: server.origin });
  await chromium.browser.close();
  await server.stop({ keep: true });
  console.log(`load after: ${loadavg().map((one) => one.toFixed(1)).join(' ')}`);
  if (chromium.wrong.length > 0) console.log(chromium.wrong.join('\n'));
}
if (parts.includes('remove') && existsSync(known)) {
  rmSync(JSON.parse(readFileSync(known, 'utf8')).folder, { recursive: true, force: true });
  rmSync(known);
}
