export default async function ({ server, page, base, journey }) {
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
}
