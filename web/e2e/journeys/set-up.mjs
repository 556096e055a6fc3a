import { axe, caller, EMAIL, setUp, signIn } from '../harness.mjs';

export default async function (here) {
  const { server, open, journey } = here;
  await journey('the first admin is made with the set-up link, on a page that looks like the product', async () => {
    const page = await open();
    await page.goto(server.link);
    await axe(page, 'set-up');
    await setUp(page, server.link);
    await page.context().close();
  });

  await journey('a wrong password is told so, the right one opens the dashboard', async () => {
    const page = await open();
    here.page = page;
    await page.goto(`${server.origin}/sign-in`);
    await axe(page, 'sign-in');
    await page.getByLabel('E-mail address').fill(EMAIL);
    await page.getByLabel('Password').fill('not the right sentence');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByRole('button', { name: 'Forgot the password?' }).click();
    await page.getByRole('status').waitFor();
    await signIn(page, server.origin);
    await page.getByRole('heading', { name: 'Home' }).waitFor();
    here.base = /\/t\/[^/]+\/development/.exec(page.url())[0];
    here.team = here.base.split('/')[2];
    here.api = `/api/v1/teams/${here.team}/development`;
    here.call = await caller(page, server.origin);
  });
}
