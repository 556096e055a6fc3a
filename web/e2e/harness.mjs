// A real server on SQLite with an account of its own, and a real browser before it.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

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

export async function startServer(binary) {
  const folder = mkdtempSync(join(tmpdir(), 'nodeloom-e2e-'));
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
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  const deadline = Date.now() + 60_000;
  let link;
  while (!(link = /https:\/\/\S+\/setup\?token=\S+/.exec(said)?.[0])) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`the server did not start:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    origin,
    link,
    output: () => said,
    stop: async () => {
      const over = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 15_000))]);
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A browser that remembers everything that must not happen: console errors, requests elsewhere, dialogs of attacks. */
export async function startBrowser(origin) {
  const executablePath = process.env.NODELOOM_CHROMIUM ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const wrong = [];
  const open = async (options = {}) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(30_000);
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
      wrong.push(`a dialog opened: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(origin) && !/^(data|blob|about):/.test(url)) wrong.push(`left the origin: ${url}`);
    });
  };
  return { browser, open, wrong };
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

export async function signIn(page, origin) {
  await page.goto(`${origin}/sign-in`);
  await page.getByLabel('E-mail address').fill(EMAIL);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/t\/[^/]+\/development/);
}
