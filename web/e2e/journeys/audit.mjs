import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { axe } from '../harness.mjs';

export default async function ({ server, page, base, api, call, journey, binary }) {
  await journey('the audit trail is verified, an entry proven, a checkpoint shown', async () => {
    await call('POST', `${api}/workflows`, { definition: { name: 'an entry', nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }] } });
    await page.goto(`${server.origin}${base}/audit`);
    await page.getByRole('button', { name: 'Verify', exact: true }).click();
    await page.getByText(/^Intact:/).waitFor();
    await page.getByRole('button', { name: 'workflow.create' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Entry', { exact: true }).waitFor();
    await axe(page, 'an entry');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.getByLabel('Operation').fill('workflow.create');
    await page.getByLabel('Operation').press('Enter');
    await page.waitForFunction(() => [...document.querySelectorAll('[aria-label="Audit entries"] [role=cell] button')].map((one) => one.textContent).join() === 'workflow.create,workflow.create' || [...document.querySelectorAll('[aria-label="Audit entries"] [role=cell] button')].every((one, _, all) => all.length > 1 && one.textContent === 'workflow.create'));
    await page.getByRole('tab', { name: 'Checkpoints' }).click();
    await page.getByRole('region', { name: 'Checkpoints' }).getByRole('row').nth(1).click();
    await page.getByRole('dialog').getByLabel('Note', { exact: true }).waitFor();
    await axe(page, 'a checkpoint');
    await page.keyboard.press('Escape');
  });

  await journey('a verification shows how far it has come', async () => {
    await page.goto(`${server.origin}${base}/audit`);
    let go = () => {};
    const held = new Promise((resolve) => (go = resolve));
    await page.route('**/audit/verification', async (route) => { await held; await route.continue(); });
    await page.route('**/audit/verification/progress', async (route) => {
      const answer = await route.fetch();
      if (answer.status() !== 200 || (await answer.json()).running !== false) throw new Error(await answer.text());
      await route.fulfill({ json: { running: true, read: 250_000, entries: 1_000_000 } });
    });
    await page.getByRole('button', { name: 'Verify', exact: true }).click();
    const bar = page.getByRole('progressbar', { name: 'Verifying' });
    await page.getByText(/250.000 of 1.000.000 entries/).waitFor();
    if ((await bar.evaluate((one) => one.position)) !== 0.25) throw new Error('the bar stands elsewhere');
    await axe(page, 'a verification under way');
    go();
    await page.getByText(/^Intact:/).waitFor();
    await bar.waitFor({ state: 'detached' });
    await page.unrouteAll({ behavior: 'wait' });
  });

  const exported = async (format) => {
    await page.goto(`${server.origin}${base}/audit`);
    await page.getByRole('button', { name: 'workflow.create' }).first().waitFor();
    const wait = page.waitForEvent('download');
    await page.getByLabel('Export as').selectOption(format);
    return (await wait).path();
  };
  await journey('the trail is exported as lines with proof, as a table, and as a bundle that an outsider verifies', async () => {
    const lines = readFileSync(await exported('jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    if (!JSON.stringify(lines).includes('workflow.create')) throw new Error('the lines hold no entry');
    if (!lines.some((line) => JSON.stringify(line).includes('proof'))) throw new Error(`no proof: ${JSON.stringify(lines[1]).slice(0, 300)}`);
    const table = readFileSync(await exported('csv'), 'utf8');
    if (!/operation/.test(table.split('\n').slice(0, 3).join()) || !table.includes('workflow.create')) throw new Error(table.slice(0, 300));
    const { key } = (await call('GET', `${api}/audit/key`)).body;
    const said = execFileSync(binary, ['audit', 'verify', '--bundle', await exported('bundle'), '--public-key', key], { encoding: 'utf8' });
    if (!/OK/.test(said)) throw new Error(said);
  });
}
