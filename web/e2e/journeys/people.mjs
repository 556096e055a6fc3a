import { axe, change, confirmed, joined, PASSWORD, totp } from '../harness.mjs';

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

  await journey('a second factor is set up, and signs in', async () => {
    const it = await person();
    const { card, add, secret } = await offered(it.page);
    await axe(it.page, 'a new authenticator');
    await add.getByLabel('Code that it shows').fill('000000');
    await add.getByRole('button', { name: 'Confirm' }).click();
    await add.getByRole('alert').waitFor();
    await add.getByLabel('Code that it shows').fill(totp(secret));
    await add.getByRole('button', { name: 'Confirm' }).click();
    const codes = await recoveryCodes(it.page);
    if (codes.length < 8) throw new Error(`${codes.length} recovery codes`);
    await axe(it.page, 'recovery codes');
    await it.page.getByRole('button', { name: 'I have kept them' }).click();
    await card.getByText(`${codes.length} recovery codes left`).waitFor();
    if ((await it.page.content()).includes(codes[0])) throw new Error('the codes are still shown');
    await begin(it);
    // The code that confirmed is used up: one of the next half minute.
    await answer(it.page, totp(secret, 1));
    await it.page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
  });

  await journey('a recovery code signs in once, and the second factor is turned off', async () => {
    const it = await person();
    const { card, add, secret } = await offered(it.page);
    await add.getByLabel('Code that it shows').fill(totp(secret));
    await add.getByRole('button', { name: 'Confirm' }).click();
    const codes = await recoveryCodes(it.page);
    await it.page.getByRole('button', { name: 'I have kept them' }).click();
    await card.getByText(`${codes.length} recovery codes left`).waitFor();

    await begin(it);
    await axe(it.page, 'second factor');
    const code = codes.pop();
    await answer(it.page, code);
    await it.page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    await begin(it);
    await answer(it.page, code);
    await it.page.getByRole('alert').waitFor();
    await answer(it.page, codes.pop());
    await it.page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    await it.page.goto(`${server.origin}/account`);
    await card.getByRole('button', { name: 'Turn off' }).click();
    const asks = it.page.getByRole('dialog', { name: 'Confirm that it is you' });
    if (await asks.waitFor({ timeout: 1500 }).then(() => true, () => false)) {
      await asks.getByLabel(/Code of your authenticator/).fill(codes.pop());
      await asks.getByRole('button', { name: 'Confirm' }).click();
    }
    await card.getByRole('button', { name: 'Turn on' }).waitFor();
  });

  /** Somebody who has just joined: a journey that is walked twice begins with a new one. */
  async function person() {
    const mail = `person-${Date.now()}@example.com`;
    return { mail, page: await joined(here, mail, 'operator') };
  }

  /** The dialog that offers an authenticator, and its secret. */
  async function offered(at) {
    await at.goto(`${server.origin}/account`);
    const card = at.getByRole('region', { name: 'Second factor' });
    await card.getByRole('button', { name: 'Turn on' }).click();
    await confirmed(at);
    const add = at.getByRole('dialog', { name: 'Add an authenticator' });
    return { card, add, secret: (await add.locator('code').textContent()).trim() };
  }

  async function recoveryCodes(at) {
    const kept = at.getByRole('dialog', { name: 'Recovery codes' });
    await kept.locator('li').first().waitFor();
    return kept.locator('li').allTextContents();
  }

  async function begin({ page: at, mail }) {
    await at.goto(`${server.origin}/account`);
    await at.getByRole('button', { name: 'Sign out' }).click();
    await at.waitForURL(/\/sign-in/);
    await at.getByLabel('E-mail address').fill(mail);
    await at.getByLabel('Password').fill(PASSWORD);
    await at.getByRole('button', { name: 'Sign in' }).click();
    await at.getByRole('heading', { name: 'Second factor' }).waitFor();
  }

  async function answer(at, code) {
    await at.getByLabel(/Code of your authenticator/).fill(code);
    await at.getByRole('button', { name: 'Continue' }).click();
  }

  await journey('a long list of members comes page by page', async () => {
    await page.goto(`${server.origin}${base}/team`);
    await page.getByRole('table').first().waitFor();
    for (let n = 0; n < 60; n++) {
      const made = await change(page, server.origin, 'POST', `${api}/service-accounts`, { name: `machine ${String(n).padStart(2, '0')} ${Date.now()}`, role: 'viewer' });
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
