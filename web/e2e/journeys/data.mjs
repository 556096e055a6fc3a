import { axe } from '../harness.mjs';

export default async function ({ server, page, base, journey }) {
  await journey('R094: a credential is entered and never shown again', async () => {
    await page.goto(`${server.origin}${base}/credentials`);
    await page.getByRole('button', { name: 'New credential' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('weather');
    await dialog.getByLabel('Value').fill('canary-value-of-a-secret');
    await dialog.getByLabel('Hosts it may be sent to').fill('api.example.com');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('weather', { exact: true }).first().waitFor();
    if ((await page.content()).includes('canary-value-of-a-secret')) throw new Error('the value is shown');
    await page.getByRole('row', { name: /weather/ }).click();
    await page.getByRole('dialog').getByText('••••').first().waitFor();
    if ((await page.content()).includes('canary-value-of-a-secret')) throw new Error('the value is shown');
    await axe(page, 'a credential');
  });

  await journey('an account can be connected: every provider is offered', async () => {
    await page.goto(`${server.origin}${base}/credentials`);
    await page.getByRole('button', { name: 'Connect an account' }).first().click();
    await page.getByRole('dialog').getByRole('combobox').first().waitFor();
    const offered = await page.getByRole('dialog').locator('option').allTextContents();
    for (const name of ['Google', 'GitHub', 'Slack', 'Microsoft', 'Salesforce', 'HubSpot', 'Shopify', 'Zoom', 'Asana', 'Linear', 'Jira', 'Notion']) if (!offered.some((one) => one.includes(name))) throw new Error(`${name} is not offered: ${offered.join(', ')}`);
    await axe(page, 'connect');
    await page.keyboard.press('Escape');
  });
}
