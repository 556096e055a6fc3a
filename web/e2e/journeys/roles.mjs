import { axe, confirmed, PASSWORD } from '../harness.mjs';

export default async function ({ server, page, base, api, call, journey, open }) {
  let theirs;
  await journey('an invitation is accepted on a page that looks like the product', async () => {
    // The invitation is dangerous, so the admin confirms in the browser; the API's answer holds the link.
    await page.goto(`${server.origin}${base}/team`);
    const answer = page.waitForResponse((one) => one.url().endsWith('/invitations') && one.request().method() === 'POST' && one.status() === 201);
    await page.getByRole('button', { name: /Invite/ }).first().click();
    const dialog = page.getByRole('dialog').first();
    await dialog.getByLabel(/E-mail/).fill('viewer@example.com');
    await dialog.getByLabel('Role').selectOption('viewer');
    await dialog.getByRole('button', { name: /Invite|Send/ }).click();
    await confirmed(page);
    const { link } = await (await answer).json();
    await page.keyboard.press('Escape');
    theirs = await open();
    await theirs.goto(link);
    await axe(theirs, 'invitation');
    const looks = await theirs.evaluate(() => ({ sheet: document.styleSheets.length, wide: document.documentElement.scrollWidth }));
    if (looks.sheet === 0) throw new Error('it has no style sheet');
    await theirs.setViewportSize({ width: 360, height: 740 });
    if ((await theirs.evaluate(() => document.documentElement.scrollWidth)) > 360) throw new Error('it is wider than 360 px');
    await theirs.setViewportSize({ width: 1280, height: 800 });
    for (const field of await theirs.locator('input[type=text]').all()) await field.fill('Vera Viewer');
    for (const field of await theirs.locator('input[type=password]').all()) await field.fill(PASSWORD);
    await theirs.getByRole('button').click();
    await theirs.waitForLoadState();
    await theirs.goto(`${server.origin}/sign-in`);
    await theirs.getByLabel('E-mail address').fill('viewer@example.com');
    await theirs.getByLabel('Password').fill(PASSWORD);
    await theirs.getByRole('button', { name: 'Sign in' }).click();
    await theirs.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
  });

  await journey('what a viewer may not do is disabled and says why, and the server refuses it all the same', async () => {
    await theirs.goto(`${server.origin}${base}/workflows`);
    const button = theirs.getByRole('button', { name: 'New workflow' }).first();
    await button.waitFor();
    if ((await button.getAttribute('aria-disabled')) !== 'true') throw new Error('the button can be used');
    await button.focus();
    await theirs.getByText(/does not have the permission workflow\.edit/).first().waitFor();
    await theirs.goto(`${server.origin}${base}/usage`);
    await theirs.getByText(/does not have the permission billing\.manage/).waitFor();
    await theirs.goto(`${server.origin}${base}/guardrails?part=exceptions`);
    const add = theirs.getByRole('button', { name: 'New exception' });
    if ((await add.getAttribute('aria-disabled')) !== 'true') throw new Error('an exception can be made');
    for (const part of ['', '?part=violations', '?part=thresholds', '?part=rules', '?part=references']) {
      await theirs.goto(`${server.origin}${base}/guardrails${part}`);
      await theirs.getByRole('heading', { level: 1 }).waitFor();
      await theirs.waitForFunction(() => !document.querySelector('[aria-label="Loading"]'));
      await axe(theirs, `guardrails ${part} of a viewer`);
    }
    for (const path of ['/audit', '/team', '/credentials', '/runs']) {
      await theirs.goto(`${server.origin}${base}${path}`);
      await theirs.getByRole('heading', { level: 1 }).waitFor();
    }
    const csrf = (await (await theirs.request.post(`${server.origin}/api/v1/auth/refresh`, { headers: { origin: server.origin } })).json()).csrf_token;
    const refused = await theirs.request.put(`${server.origin}${api}/guardrails/settings`, { headers: { 'x-csrf-token': csrf, origin: server.origin }, data: { thresholds: {} } });
    if (refused.status() !== 403) throw new Error(`the server answers ${refused.status()}`);
    await theirs.context().close();
    await call('GET', `${api}/team`);
  });
}
