import { axe } from '../harness.mjs';

export default async function ({ server, page, journey }) {
  await journey('sessions of mine are listed, and the session ends at sign-out', async () => {
    await page.goto(`${server.origin}/account`);
    await page.getByText('this one').waitFor();
    await axe(page, 'account');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(/\/sign-in/);
    const answer = await page.request.get(`${server.origin}/api/v1/me`);
    if (answer.status() !== 401) throw new Error(`the session still answers ${answer.status()}`);
  });
}
