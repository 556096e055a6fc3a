import { axe } from '../harness.mjs';

export default async function ({ server, page, base, api, call, journey }) {
  await journey('the audit trail is verified, an entry proven, a checkpoint shown', async () => {
    await call('POST', `${api}/workflows`, { definition: { name: 'an entry', nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }] } });
    await page.goto(`${server.origin}${base}/audit`);
    await page.getByRole('button', { name: 'Verify' }).click();
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
}
