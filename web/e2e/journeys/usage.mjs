import { readFileSync } from 'node:fs';
import { axe } from '../harness.mjs';

export default async function ({ server, page, base, api, call, journey }) {
  await journey('R053: usage is shown by day, workflow, model and principal, and comes as CSV', async () => {
    const made = await call('POST', `${api}/workflows`, { definition: { name: 'counted', nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }] } });
    for (let n = 0; n < 3; n++) await call('POST', `${api}/workflows/${made.body.id}/runs`, { input: n, wait_seconds: 20, version: made.body.latest_version });
    await page.goto(`${server.origin}${base}/usage`);
    await page.getByRole('heading', { name: 'Usage', level: 1 }).waitFor();
    const row = page.getByRole('row', { name: /counted/ });
    await row.waitFor();
    if (!/3/.test(await row.textContent())) throw new Error(await row.textContent());
    await axe(page, 'usage');
    await page.getByLabel('What to show').selectOption('runs');
    await page.getByRole('img', { name: /Runs by day: .*succeeded/ }).waitFor();
    await page.getByRole('tab', { name: 'By principal' }).click();
    await page.getByRole('cell', { name: /admin@example\.com|e2e/ }).first().waitFor();
    await page.getByRole('tab', { name: 'By model' }).click();
    await page.getByText('Nothing was used in this time').or(page.getByRole('cell', { name: /priced-1/ })).first().waitFor();
    await page.getByRole('tab', { name: 'Day by day' }).click();
    const wait = page.waitForEvent('download');
    await page.getByRole('link', { name: 'CSV' }).click();
    const file = readFileSync(await (await wait).path(), 'utf8');
    if (!file.split('\n')[1]?.startsWith(new Date().toISOString().slice(0, 10)) && !file.includes(new Date().toISOString().slice(0, 10))) throw new Error(file.slice(0, 300));
    await page.goBack();
  });

  await journey('limits of the month are set, shown as used, and undone', async () => {
    await page.goto(`${server.origin}${base}/usage`);
    const card = page.getByRole('region', { name: 'Limits of the month' });
    await card.getByRole('button', { name: 'Change' }).click();
    await page.getByRole('dialog').getByLabel('Runs a month').fill('100000');
    await page.getByRole('dialog').getByRole('button', { name: 'Set' }).click();
    await card.getByRole('meter', { name: 'Runs a month' }).waitFor();
    await axe(page, 'limits');
    await page.getByRole('button', { name: 'Undo' }).click();
    await card.getByRole('meter').waitFor({ state: 'detached' });
  });

  await journey('prices of models are set, changed, and taken away', async () => {
    const card = page.getByRole('region', { name: 'Prices of models' });
    await card.getByRole('button', { name: 'Add a price' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Provider').selectOption('open_ai');
    await dialog.getByLabel('Model').fill('gpt-*');
    await dialog.getByLabel('A million tokens in, USD').fill('1.25');
    await dialog.getByLabel('A million tokens out, USD').fill('10');
    await dialog.getByRole('button', { name: 'Save' }).click();
    const row = card.getByRole('row', { name: /open_ai\/gpt-\*/ });
    await row.getByRole('button', { name: 'Remove' }).click();
    await row.waitFor({ state: 'detached' });
  });
}
