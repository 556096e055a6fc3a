// R126, R128: the dashboard's own pass, alone in a real browser, against the corpus that all passes share.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const corpus = (name) => JSON.parse(readFileSync(new URL(`../../../tests/fixtures/xss/${name}.json`, import.meta.url), 'utf8'));
const ORIGIN = 'https://attacked.test';

/** The very module that the dashboard uses, as a script. */
async function pass() {
  const entry = fileURLToPath(new URL('../../src/lib/sanitise.ts', import.meta.url));
  const [made] = await build({ configFile: false, logLevel: 'silent', build: { write: false, minify: false, lib: { entry, formats: ['iife'], name: 'pass' } } });
  return made.output[0].code;
}

/** A page without any policy, so that nothing but the pass stands between an attack and the reader. */
async function open(browser, script) {
  const context = await browser.newContext();
  const asked = [];
  await context.route('**/*', (route) => {
    const url = route.request().url();
    if (url === `${ORIGIN}/`) return route.fulfill({ contentType: 'text/html', body: '<!doctype html><meta charset=utf-8><div id=here></div>' });
    asked.push(url);
    return route.abort();
  });
  const page = await context.newPage();
  let dialogs = 0;
  page.on('dialog', (dialog) => { dialogs += 1; void dialog.dismiss(); });
  await page.goto(`${ORIGIN}/`);
  await page.evaluate(script);
  return { context, page, asked, dialogs: () => dialogs };
}

/** Puts `html` into the page, waits for what it loads, and touches everything that could be touched. */
const render = (page, html) =>
  page.evaluate(async (text) => {
    window.ran = 0;
    window.alert = window.confirm = window.prompt = () => { window.ran += 1; };
    const here = document.querySelector('#here');
    here.innerHTML = text;
    const left = [...here.querySelectorAll('*')];
    const bad = left.flatMap((element) => {
      const found = /^(script|style|iframe|object|embed|form|input|button|img|svg|math|link|meta|base|video|audio|template)$/i.test(element.tagName) ? [element.tagName] : [];
      for (const { name, value } of element.attributes) if (/^on|^style$|^src|^data/i.test(name) || /^\s*(javascript|data|vbscript):/i.test(value.replaceAll(/[\u0000-\u0020]/g, ''))) found.push(`${name}=${value}`);
      return found;
    });
    for (const element of left) {
      if (element.tagName === 'A') element.removeAttribute('target');
      for (const kind of ['mouseover', 'focus', 'toggle', 'animationstart', 'pointerenter', 'scroll']) element.dispatchEvent(new Event(kind, { bubbles: true }));
      if (element.tagName === 'A' && !/^https?:|^mailto:/.test(element.href)) element.click?.();
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
    return { ran: window.ran, bad, text: here.textContent };
  }, html);

export default async function ({ browser, journey }) {
  const script = await pass();
  await journey('R126, R128, R130: no attack of the shared corpus survives the dashboard’s own pass in a browser', async () => {
    const { context, page, asked, dialogs } = await open(browser, `${script}; window.pass = pass;`);
    for (const { name, text, keeps } of [...corpus('html'), ...corpus('css').map((one) => ({ name: `style: ${one.name}`, text: `<style>${one.text}</style><p style="${one.text.replaceAll('"', '&quot;')}">kept</p>`, keeps: 'kept' }))]) {
      const clean = await page.evaluate((html) => window.pass.sanitised(html), text);
      const { ran, bad, text: seen } = await render(page, clean);
      if (ran > 0 || dialogs() > 0) throw new Error(`${name} ran: ${clean}`);
      if (asked.length > 0) throw new Error(`${name} loaded ${asked[0]}: ${clean}`);
      if (bad.length > 0) throw new Error(`${name} left ${bad.join(', ')}: ${clean}`);
      if (keeps && !seen.includes(keeps)) throw new Error(`${name} lost “${keeps}”: ${clean}`);
      // What was cleaned once does not come alive by being read again.
      const again = await page.evaluate((html) => window.pass.sanitised(html), clean);
      if (again !== clean) throw new Error(`${name} changes when it is cleaned again: ${clean} → ${again}`);
    }
    await context.close();
  });

  await journey('R126: control: without the pass, attacks of that corpus do run in this browser', async () => {
    const { context, page, asked, dialogs } = await open(browser, '0');
    let alive = 0;
    for (const { text } of corpus('html')) {
      const before = asked.length + dialogs();
      const { ran } = await render(page, text).catch(() => ({ ran: 1 }));
      if (ran > 0 || asked.length + dialogs() > before) alive += 1;
      if (page.url() !== `${ORIGIN}/`) await page.goto(`${ORIGIN}/`);
    }
    await context.close();
    if (alive < 15) throw new Error(`only ${alive} attacks ran without the pass: this test would not notice a hole`);
    console.log(`  ${alive} of ${corpus('html').length} attacks run or load something when nothing cleans them`);
  });

  await journey('R128: harmless texts stay as they are', async () => {
    const { context, page } = await open(browser, `${script}; window.pass = pass;`);
    for (const text of corpus('harmless')) {
      const [clean, plain] = await page.evaluate((html) => {
        const raw = new DOMParser().parseFromString(html, 'text/html').body;
        const now = new DOMParser().parseFromString(window.pass.sanitised(html), 'text/html').body;
        return [now.innerHTML, raw.innerHTML];
      }, text);
      if (clean !== plain) throw new Error(`${JSON.stringify(text)} became ${JSON.stringify(clean)}`);
    }
    await context.close();
  });
}
