import { EMAIL, PASSWORD } from '../harness.mjs';

export default async function ({ server, page, base, journey, open }) {
  await journey('everything is reached with the keyboard alone', async () => {
    await page.goto(`${server.origin}${base}`);
    await page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('w');
    await page.waitForURL(/\/workflows$/);
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder(/Go to/).waitFor();
    await page.keyboard.type('Audit');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/audit$/);
    await page.keyboard.press('g');
    await page.keyboard.press('u');
    await page.waitForURL(/\/usage$/);
  });

  await journey('parts of a page are chosen with the arrow keys, and a form is filled in and saved without a pointer', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('g');
    await page.waitForURL(/\/guardrails$/);
    await page.getByRole('tab', { name: 'Playground' }).focus();
    for (const part of ['violations', 'thresholds', 'rules', 'exceptions']) {
      await page.keyboard.press('ArrowRight');
      await page.waitForURL(`**part=${part}`);
    }
    await page.waitForURL(/part=exceptions/);
    const button = page.getByRole('button', { name: 'New exception' });
    for (let n = 0; n < 12 && !(await button.evaluate((one) => one === document.activeElement)); n++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'New exception' });
    await dialog.waitFor();
    // The dialog keeps the focus; each field is one Tab further.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type('typed without a pointer');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type('a test');
    await page.keyboard.press('Enter');
    await page.getByRole('cell', { name: /typed without a pointer/ }).waitFor();
    const inside = await page.evaluate(() => document.activeElement !== document.body);
    if (!inside) throw new Error('the focus was lost when the dialog closed');
  });

  await journey('a node is added, chosen and removed in the editor with the keyboard', async () => {
    await page.goto(`${server.origin}${base}/workflows`);
    await page.getByRole('button', { name: 'New workflow' }).first().focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/workflows\/wf_/);
    await page.locator('.react-flow__node').nth(1).waitFor();
    const nodes = (count) => page.waitForFunction((want) => document.querySelectorAll('.react-flow__node').length === want, count);
    await page.getByLabel('Find a node type').focus();
    await page.keyboard.type('delay');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await nodes(3);
    await page.locator('.react-flow__node').last().focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Delete');
    await nodes(2);
    await page.keyboard.press('Control+z');
    await nodes(3);
    await page.keyboard.press('Control+z');
    await nodes(2);
    await page.getByText('not saved').waitFor({ state: 'detached' });
  });

  await journey('somebody signs in, makes a workflow, runs it and looks at the run without a pointer', async () => {
    const mine = await open();
    const keys = mine.keyboard;
    const reach = async (what, key = 'Tab') => {
      for (let n = 0; n < 80; n++) {
        if (await what.evaluate((one) => one === document.activeElement).catch(() => false)) return;
        await keys.press(key);
      }
      throw new Error(`the keyboard does not reach ${what}`);
    };
    await mine.goto(`${server.origin}/sign-in`);
    await mine.getByLabel('E-mail address').waitFor();
    await mine.waitForFunction(() => document.activeElement?.getAttribute('name') === 'email');
    await keys.type(EMAIL);
    await keys.press('Tab');
    await keys.type(PASSWORD);
    await keys.press('Enter');
    await mine.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    await keys.press('g');
    await keys.press('w');
    const button = mine.getByRole('button', { name: 'New workflow' }).first();
    await button.waitFor();
    await reach(button);
    await keys.press('Enter');
    await mine.waitForURL(/\/workflows\/wf_/);
    await mine.locator('.react-flow__node').first().waitFor();
    await keys.press('Control+Enter');
    const dialog = mine.getByRole('dialog', { name: 'Run this workflow' });
    await dialog.waitFor();
    await keys.press('Escape');
    // The browser closes it a moment before the page knows.
    await mine.getByText('Run this workflow', { exact: true }).waitFor({ state: 'detached' });
    await keys.press('Control+Enter');
    await dialog.waitFor();
    // Tab belongs to the code editor until Escape would leave it; backwards the way leads around it.
    await reach(dialog.getByRole('button', { name: 'Run', exact: true }), 'Shift+Tab');
    await keys.press('Enter');
    const last = mine.getByRole('link', { name: /Last run succeeded/ });
    await last.waitFor();
    await reach(last, 'Shift+Tab');
    await keys.press('Enter');
    await mine.getByText('Timeline').waitFor();
    const node = mine.getByRole('list', { name: /Nodes in the order/ }).getByRole('button').nth(1);
    await reach(node);
    await keys.press('Enter');
    if ((await node.getAttribute('aria-pressed')) !== 'true') throw new Error('the node is not chosen');
    await mine.context().close();
  });
}
