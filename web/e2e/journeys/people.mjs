import { axe, confirmed, joined, PASSWORD, totp } from '../harness.mjs';

export default async function (here) {
  const { server, page, base, api, call, journey } = here;
  // Walked twice, it is another person.
  const email = `operator-${Date.now()}@example.com`;
  let theirs;

  await journey('somebody else approves a run, with a comment, and the run goes on', async () => {
    theirs ??= await joined(here, email, 'operator');
    const definition = { name: `asks somebody else ${Date.now()}`, nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }, { id: 'ask', type: 'HUMAN_APPROVAL', parameters: { message: 'May the letter go out?' } }, { id: 'say', type: 'TRANSFORM', parameters: { template: 'gone out' } }] };
    const made = await call('POST', `${api}/workflows`, { definition });
    const run = await call('POST', `${api}/workflows/${made.body.id}/runs`, { input: 1, version: made.body.latest_version });
    await theirs.goto(`${server.origin}${base}/approvals`);
    const card = theirs.getByRole('region', { name: 'Node ask' }).filter({ hasText: 'May the letter go out?' }).first();
    await card.getByLabel('Comment').fill('It may, said somebody else.');
    await card.getByRole('button', { name: 'Approve' }).click();
    await theirs.getByText('Approved.').waitFor();
    await theirs.getByRole('region', { name: 'Decided' }).getByText('May the letter go out?').first().waitFor();
    await page.goto(`${server.origin}${base}/runs/${run.body.id}`);
    await page.locator('header').getByText('succeeded').first().waitFor();
    await page.getByLabel('Output', { exact: true }).filter({ hasText: 'gone out' }).first().waitFor();
  });

  let codes = [];
  let secret = '';
  await journey('a second factor is set up, and signs in', async () => {
    await theirs.goto(`${server.origin}/account`);
    const card = theirs.getByRole('region', { name: 'Second factor' });
    await card.getByRole('button', { name: 'Turn on' }).click();
    await confirmed(theirs);
    const add = theirs.getByRole('dialog', { name: 'Add an authenticator' });
    secret = (await add.locator('code').textContent()).trim();
    await axe(theirs, 'a new authenticator');
    await add.getByLabel('Code that it shows').fill('000000');
    await add.getByRole('button', { name: 'Confirm' }).click();
    await add.getByRole('alert').waitFor();
    await add.getByLabel('Code that it shows').fill(totp(secret));
    await add.getByRole('button', { name: 'Confirm' }).click();
    const kept = theirs.getByRole('dialog', { name: 'Recovery codes' });
    codes = await kept.locator('li').allTextContents();
    if (codes.length < 8) throw new Error(`${codes.length} recovery codes`);
    await axe(theirs, 'recovery codes');
    await kept.getByRole('button', { name: 'I have kept them' }).click();
    if ((await theirs.content()).includes(codes[0])) throw new Error('the codes are still shown');
    await card.getByText(`${codes.length} recovery codes left`).waitFor();
    await begin();
    // The code that confirmed is used up: one of the next half minute.
    await theirs.getByLabel(/Code of your authenticator/).fill(totp(secret, 1));
    await theirs.getByRole('button', { name: 'Continue' }).click();
    await theirs.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
  });

  async function begin() {
    await theirs.goto(`${server.origin}/account`);
    await theirs.getByRole('button', { name: 'Sign out' }).click();
    await theirs.waitForURL(/\/sign-in/);
    await theirs.getByLabel('E-mail address').fill(email);
    await theirs.getByLabel('Password').fill(PASSWORD);
    await theirs.getByRole('button', { name: 'Sign in' }).click();
    await theirs.getByRole('heading', { name: 'Second factor' }).waitFor();
  }

  await journey('a recovery code signs in once, and the second factor is turned off', async () => {
    await begin();
    await axe(theirs, 'second factor');
    const code = codes.pop();
    await theirs.getByLabel(/Code of your authenticator/).fill(code);
    await theirs.getByRole('button', { name: 'Continue' }).click();
    await theirs.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    await begin();
    await theirs.getByLabel(/Code of your authenticator/).fill(code);
    await theirs.getByRole('button', { name: 'Continue' }).click();
    await theirs.getByRole('alert').waitFor();
    await theirs.getByLabel(/Code of your authenticator/).fill(codes.pop());
    await theirs.getByRole('button', { name: 'Continue' }).click();
    await theirs.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    await theirs.goto(`${server.origin}/account`);
    const card = theirs.getByRole('region', { name: 'Second factor' });
    await card.getByRole('button', { name: 'Turn off' }).click();
    const asks = theirs.getByRole('dialog', { name: 'Confirm that it is you' });
    if (await asks.waitFor({ timeout: 1500 }).then(() => true, () => false)) {
      await asks.getByLabel(/Code of your authenticator/).fill(codes.pop());
      await asks.getByRole('button', { name: 'Confirm' }).click();
    }
    await card.getByRole('button', { name: 'Turn on' }).waitFor();
  });

  await journey('a long list of members comes page by page', async () => {
    await page.goto(`${server.origin}${base}/team`);
    await page.getByRole('table').first().waitFor();
    const csrf = (await (await page.request.post(`${server.origin}/api/v1/auth/refresh`, { headers: { origin: server.origin } })).json()).csrf_token;
    const headers = { 'x-csrf-token': csrf, origin: server.origin };
    const proven = await page.request.post(`${server.origin}/api/v1/me/step-up`, { headers, data: { password: PASSWORD } });
    const proof = { ...headers, 'x-csrf-token': (await proven.json()).csrf_token };
    for (let n = 0; n < 60; n++) {
      const made = await page.request.post(`${server.origin}${api}/service-accounts`, { headers: proof, data: { name: `machine ${String(n).padStart(2, '0')} ${Date.now()}`, role: 'viewer' } });
      if (made.status() !== 201) throw new Error(`${made.status()} ${await made.text()}`);
    }
    await page.reload();
    const rows = page.getByRole('region', { name: 'Members' }).getByRole('row');
    await rows.nth(50).waitFor();
    if ((await rows.count()) !== 51) throw new Error(`${await rows.count()} rows in the first page`);
    await page.getByRole('button', { name: 'Show more' }).click();
    await rows.nth(60).waitFor();
    await axe(page, 'a long list of members');
  });

  await journey('keys of mine are on my page, and are ended there', async () => {
    await page.goto(`${server.origin}/account`);
    const card = page.getByRole('region', { name: 'Keys of mine' });
    const name = `mine ${Date.now()}`;
    // Not the key that this test itself uses.
    await call('POST', `${api}/api-keys`, { name, permissions: ['workflow.view'] });
    await page.reload();
    const row = card.getByRole('listitem').filter({ hasText: name });
    await row.getByRole('button', { name: 'Revoke' }).click();
    await row.getByRole('button', { name: 'Really revoke' }).click();
    await row.waitFor({ state: 'detached' });
  });
  await theirs?.context().close();
}
