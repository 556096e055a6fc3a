import { createServer } from 'node:http';
import { axe, change } from '../harness.mjs';

/** A provider of OAuth 2.0 that consents at once: a code for everybody who comes, a new token for every code. */
function provider() {
  const state = { asked: 0, tokens: 0 };
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://provider');
    request.resume();
    request.on('end', () => {
      if (url.pathname === '/authorize') {
        state.asked += 1;
        const back = new URL(url.searchParams.get('redirect_uri'));
        back.search = new URLSearchParams({ code: `code-${state.asked}`, state: url.searchParams.get('state') });
        response.writeHead(302, { location: String(back) });
        return response.end();
      }
      state.tokens += 1;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ access_token: `canary-token-${state.tokens}`, refresh_token: `canary-refresh-${state.tokens}`, token_type: 'bearer', expires_in: 3600, scope: url.searchParams.get('scope') ?? 'meeting:read' }));
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ state, url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() })));
}

export default async function ({ server, page, base, api, journey, elsewhere }) {
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

  await journey('a value is replaced, and the one before is put back', async () => {
    await page.goto(`${server.origin}${base}/credentials`);
    await page.getByRole('row', { name: /weather/ }).click();
    const dialog = page.getByRole('dialog', { name: 'weather' });
    const version = async () => Number(await dialog.getByRole('definition').nth(4).textContent());
    await dialog.getByRole('button', { name: 'Replace the value' }).click();
    const before = await version();
    await dialog.getByLabel('New value').fill('canary-value-that-follows');
    await dialog.getByRole('button', { name: 'Replace', exact: true }).click();
    await page.getByText('The new value is in use.').waitFor();
    // The dialog is still open: what can be undone is offered inside it.
    await dialog.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('The value before is in use again.').waitFor();
    await page.reload();
    await page.getByRole('row', { name: /weather/ }).click();
    await dialog.getByText('••••').first().waitFor();
    if ((await version()) <= before) throw new Error(`version ${await version()} after ${before}`);
    if (/canary-value/.test(await page.content())) throw new Error('a value is shown');
    await page.keyboard.press('Escape');
  });

  await journey('an account is connected with consent, and connected again', async () => {
    const zoom = await provider();
    elsewhere.add(zoom.url);
    const settings = { authorize_url: `${zoom.url}/authorize`, token_url: `${zoom.url}/token` };
    const registered = await change(page, server.origin, 'PUT', `${api}/connections/clients/zoom`, { client_id: 'e2e', client_secret: 'canary-of-a-client', settings });
    if (registered.status() !== 204) throw new Error(`${registered.status()} ${await registered.text()}`);
    await page.goto(`${server.origin}${base}/credentials`);
    await page.getByRole('button', { name: 'Connect an account' }).first().click();
    const dialog = page.getByRole('dialog', { name: 'Connect an account' });
    await dialog.getByLabel('Provider').selectOption('zoom');
    const name = `my zoom ${Date.now()}`;
    await dialog.getByLabel('Name').fill(name);
    await dialog.getByRole('button', { name: 'Go to Zoom' }).click();
    const row = page.getByRole('row', { name: new RegExp(name) });
    await row.waitFor();
    await row.click();
    const detail = page.getByRole('dialog', { name });
    await detail.getByText('Scopes', { exact: true }).waitFor();
    await axe(page, 'a connection');
    const back = page.waitForEvent('load');
    await detail.getByRole('button', { name: 'Connect again' }).click();
    await back;
    await page.getByText('The account is connected.').waitFor();
    await row.waitFor();
    if (zoom.state.asked !== 2 || zoom.state.tokens !== 2) throw new Error(JSON.stringify(zoom.state));
    if ((await row.count()) !== 1) throw new Error('it is there twice');
    if (/canary-/.test(await page.content())) throw new Error('a token is shown');
    zoom.stop();
    elsewhere.delete(zoom.url);
  });
}
