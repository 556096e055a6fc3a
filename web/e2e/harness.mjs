// A real server on SQLite with an account of its own, and a real browser before it.
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, request } from 'playwright-core';

export const EMAIL = 'admin@example.com';
export const PASSWORD = 'a sentence for the browser to type';
const axeSource = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** `folder`: where an earlier one left its data; a server that stops with `keep` leaves it. */
export async function startServer(binary, { folder = mkdtempSync(join(tmpdir(), 'nodeloom-e2e-')), again = false, env = {} } = {}) {
  const port = await freePort();
  const origin = `https://localhost:${port}`;
  const child = spawn(binary, ['serve'], {
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      NODELOOM_DATA__FOLDER: folder,
      NODELOOM_SERVER__LISTEN: `127.0.0.1:${port}`,
      NODELOOM_SERVER__PUBLIC_URL: origin,
      NODELOOM_DEMO__INSTALL: 'true',
      NODELOOM_SANDBOX__ENABLED: 'false',
      NODELOOM_SECURITY__BCRYPT_COST: '10',
      NODELOOM_LIMITS__AUTHENTICATION_PER_MINUTE: '1000',
      NODELOOM_LIMITS__API_PER_MINUTE: '100000',
      NODELOOM_LIMITS__ADDRESS_PER_MINUTE: '100000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A test that throws leaves no server behind.
  process.once('exit', () => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  const deadline = Date.now() + 60_000;
  let link;
  while (again ? !(await ready(port)) : !(link = /https:\/\/\S+\/setup\?token=\S+/.exec(said)?.[0])) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`the server did not start:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    origin,
    link,
    folder,
    output: () => said,
    stop: async ({ keep = false } = {}) => {
      const over = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 15_000))]);
      child.kill('SIGKILL');
      if (!keep) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A browser that remembers everything that must not happen: console errors, requests elsewhere, dialogs of attacks. */
export async function startBrowser(origin) {
  const executablePath = process.env.NODELOOM_CHROMIUM ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', ...(process.env.NODELOOM_E2E_DIST ? ['--disable-features=LocalNetworkAccessChecks'] : [])] });
  const wrong = [];
  /** Origins that a journey leaves for on purpose, such as a provider that asks for consent. */
  const elsewhere = new Set();
  const open = async (options = {}) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(Number(process.env.NODELOOM_E2E_TIMEOUT ?? 30_000));
    if (process.env.NODELOOM_E2E_DIST) await serveFrom(context, origin, process.env.NODELOOM_E2E_DIST);
    const page = await context.newPage();
    watch(page);
    return page;
  };
  const watch = (page) => {
    page.on('console', (message) => {
      // The browser itself reports answers that are no success; those we test on purpose are named by their status.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) wrong.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => wrong.push(`page error: ${error.message}`));
    page.on('dialog', (dialog) => {
      // The editor asks before what is not saved is lost; a journey that leaves means it.
      if (dialog.type() === 'beforeunload') return void dialog.accept();
      wrong.push(`a dialog opened: ${dialog.message()}`);
      void dialog.dismiss();
    });
    changing.set(page, new Set());
    for (const ended of ['requestfinished', 'requestfailed']) page.on(ended, (request) => changing.get(page).delete(request));
    page.on('request', (request) => {
      const url = request.url();
      if (request.method() !== 'GET') changing.get(page).add(request);
      if (!url.startsWith(origin) && !elsewhere.has(new URL(url).origin) && !/^(data|blob|about):/.test(url)) wrong.push(`left the origin: ${url}`);
    });
  };
  return { browser, open, wrong, elsewhere };
}

const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html' };

/** While the dashboard is being written: its files come from `dist` rather than from the binary, under the same policy. */
async function serveFrom(context, origin, dist) {
  await context.route(`${origin}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const file = join(dist, pathname);
    if (pathname.startsWith('/assets/') && existsSync(file)) return route.fulfill({ body: readFileSync(file), contentType: TYPES[pathname.split('.').pop()] ?? 'application/octet-stream' });
    if (route.request().resourceType() === 'document' && /^\/($|sign-in|account|t\/)/.test(pathname)) {
      const response = await route.fetch();
      return route.fulfill({ response, body: readFileSync(join(dist, 'index.html')) });
    }
    return route.continue();
  });
}

export async function axe(page, what) {
  // Evaluated by the debugger, so that the page's policy need not allow it.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  if (violations.length > 0) {
    const list = violations.map((one) => `${one.id}: ${one.help}\n    ${one.nodes.slice(0, 4).map((node) => `${node.target.join(' ')} ${node.failureSummary?.split('\n')[1] ?? ''}`).join('\n    ')}`);
    throw new Error(`${what}: axe found\n  ${list.join('\n  ')}`);
  }
}

function ready(port) {
  return new Promise((resolve) => {
    const asked = get({ host: '127.0.0.1', port, path: '/readyz', rejectUnauthorized: false, timeout: 1000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('error', () => resolve(false));
    asked.on('timeout', () => asked.destroy());
  });
}

/** Makes the first admin behind the set-up link. */
export async function setUp(page, link) {
  await page.goto(link);
  await page.getByLabel('E-mail address').fill(EMAIL);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: /make/i }).click();
  await page.getByRole('heading', { name: 'Ready' }).waitFor();
}

/** The changes that each page waits for. */
const changing = new WeakMap();

/** Confirms who is at the keyboard, if the act just begun asks for it: that is known when it has its answer. */
export async function confirmed(page) {
  const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' });
  for (let tries = 0; tries < 100 && (tries === 0 || changing.get(page).size > 0); tries++) await page.waitForTimeout(200);
  if (!(await dialog.waitFor({ timeout: 1500 }).then(() => true, () => false))) return;
  await dialog.getByLabel('Password').fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** Changes something as the person who is signed in on `page`, freshly proven, as the page itself would. */
export async function change(page, origin, method, path, data) {
  const token = async (answer) => (await answer.json()).csrf_token;
  const first = await token(await page.request.post(`${origin}/api/v1/auth/refresh`, { headers: { origin } }));
  const proven = await token(await page.request.post(`${origin}/api/v1/me/step-up`, { headers: { 'x-csrf-token': first, origin }, data: { password: PASSWORD } }));
  return page.request.fetch(`${origin}${path}`, { method, headers: { 'x-csrf-token': proven, origin }, data });
}

/** Calls the API with a key of the person who is signed in on `page`, so that the page's session is left alone. */
export async function caller(page, origin) {
  const team = new URL(page.url()).pathname.split('/')[2];
  const csrf = (await (await page.request.post(`${origin}/api/v1/auth/refresh`, { headers: { origin } })).json()).csrf_token;
  const made = await page.request.post(`${origin}/api/v1/teams/${team}/development/api-keys`, { headers: { 'x-csrf-token': csrf, origin }, data: { name: 'e2e', expires_in_days: 1 } });
  const { value } = await made.json();
  if (!value) throw new Error(`no key: ${await made.text()}`);
  await page.reload();
  const context = await request.newContext({ ignoreHTTPSErrors: true, extraHTTPHeaders: { authorization: `Bearer ${value}` } });
  return async (method, path, data) => {
    const answer = await context.fetch(`${origin}${path}`, { method, ...(data === undefined ? {} : { data }) });
    const text = await answer.text();
    return { status: answer.status(), body: /^[[{]/.test(text) ? JSON.parse(text) : text };
  };
}

/** The code that an authenticator shows for `secret` (RFC 6238), `ahead` steps of thirty seconds from now. */
export function totp(secret, ahead = 0) {
  const bits = [...secret.toUpperCase().replaceAll(/[^A-Z2-7]/g, '')].map((one) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(one).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const hash = createHmac('sha1', key).update(step).digest();
  const at = (hash.at(-1) ?? 0) & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** Invites somebody as the admin of `page`, and gives back their own page, signed in. */
export async function joined({ server, open, page, base }, email, role) {
  await page.goto(`${server.origin}${base}/team`);
  const answer = page.waitForResponse((one) => one.url().endsWith('/invitations') && one.request().method() === 'POST' && one.status() === 201);
  await page.getByRole('button', { name: /Invite/ }).first().click();
  const dialog = page.getByRole('dialog').first();
  await dialog.getByLabel(/E-mail/).fill(email);
  await dialog.getByLabel('Role').selectOption(role);
  await dialog.getByRole('button', { name: /Invite|Send/ }).click();
  await confirmed(page);
  const { link } = await (await answer).json();
  await page.keyboard.press('Escape');
  const theirs = await open();
  await theirs.goto(link);
  for (const field of await theirs.locator('input[type=text]').all()) await field.fill(email.split('@')[0]);
  for (const field of await theirs.locator('input[type=password]').all()) await field.fill(PASSWORD);
  await theirs.getByRole('button').click();
  await theirs.waitForLoadState();
  await theirs.goto(`${server.origin}/sign-in`);
  await theirs.getByLabel('E-mail address').fill(email);
  await theirs.getByLabel('Password').fill(PASSWORD);
  await theirs.getByRole('button', { name: 'Sign in' }).click();
  await theirs.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
  return theirs;
}

export async function signIn(page, origin) {
  await page.goto(`${origin}/sign-in`);
  await page.getByLabel('E-mail address').fill(EMAIL);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/t\/[^/]+\/development/);
}
