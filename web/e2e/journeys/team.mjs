import { axe, confirmed } from '../harness.mjs';

export default async function (here) {
  const { server, page, base, journey } = here;
  const go = (part) => page.goto(`${server.origin}${base}/team${part ? `?part=${part}` : ''}`);

  await journey('somebody is invited, and the invitation taken back', async () => {
    await go();
    await page.getByRole('button', { name: /Invite/ }).first().click();
    const dialog = page.getByRole('dialog').first();
    await dialog.getByLabel(/E-mail/).fill('new@example.com');
    await dialog.getByRole('button', { name: /Invite|Send/ }).click();
    await confirmed(page);
    await page.getByText(/Give this link to the person/).waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    const row = page.getByRole('listitem').filter({ hasText: 'new@example.com' });
    await row.waitFor();
    await axe(page, 'team');
    await row.getByRole('button', { name: 'Withdraw' }).click();
    await page.getByText('The invitation is withdrawn.').waitFor();
  });

  await journey('a service account is made with a key that is shown once, and ended', async () => {
    await go('machines');
    await page.getByRole('button', { name: 'New service account' }).first().click();
    await page.getByRole('dialog').getByLabel('Name').fill('deployer');
    await page.getByRole('dialog').getByLabel('Role').selectOption('viewer');
    await page.getByRole('dialog').getByRole('button', { name: 'Make it' }).click();
    await confirmed(page);
    const keys = page.getByRole('dialog', { name: 'New key of deployer' });
    await keys.getByRole('button', { name: 'Make the key' }).click();
    await confirmed(page);
    here.viewerKey = (await keys.locator('code').textContent()).trim();
    await axe(page, 'a new key');
    await keys.getByRole('button', { name: 'Done' }).click();
    if ((await page.content()).includes(here.viewerKey)) throw new Error('the key is still shown');
    await page.getByRole('row', { name: /deployer/ }).waitFor();
    await axe(page, 'service accounts');
    await page.getByRole('row', { name: /deployer/ }).getByRole('button', { name: 'End' }).click();
    await page.getByRole('row', { name: /deployer/ }).getByRole('button', { name: 'Really end it' }).click();
    await page.getByRole('row', { name: /deployer/ }).waitFor({ state: 'detached' });
  });

  await journey('the permission matrix is the one that is enforced', async () => {
    await go('permissions');
    await page.getByRole('row', { name: /billing\.manage/ }).waitFor();
    await axe(page, 'permissions');
    await go('keys');
    await page.getByRole('heading', { name: 'API keys' }).waitFor();
    await axe(page, 'API keys');
  });
}
