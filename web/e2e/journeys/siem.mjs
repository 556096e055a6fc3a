import { createServer } from 'node:http';
import { axe, confirmed } from '../harness.mjs';

/** Answers as a Splunk collector does; it refuses events of `refused` for good, and everything while it is `away`. */
function splunk() {
  const state = { events: [], refused: '', away: false };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => (text += part));
    request.on('end', () => {
      const say = (status, code, words) => { response.writeHead(status, { 'content-type': 'application/json' }); response.end(JSON.stringify({ text: words, code })); };
      if (state.away) return say(503, 9, 'Server is busy');
      if (request.method === 'GET') return say(200, 17, 'HEC is healthy');
      if (state.refused && text.includes(state.refused)) return say(400, 6, 'Invalid data format');
      state.events.push(text);
      return say(200, 0, 'Success');
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ state, url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() })));
}

export default async function ({ server, page, base, api, call, journey }) {
  const receiver = await splunk();
  const row = page.getByRole('listitem').filter({ hasText: 'soc' });

  await journey('a SIEM destination is made, tested, and shows what was delivered', async () => {
    await page.goto(`${server.origin}${base}/audit?part=siem`);
    await page.getByRole('button', { name: 'New destination' }).first().click();
    const dialog = page.getByRole('dialog', { name: 'New SIEM destination' });
    await dialog.getByLabel('Name').fill('soc');
    await dialog.getByLabel('Address').fill(receiver.url);
    await dialog.getByLabel('Token', { exact: true }).fill('canary-of-a-siem-token');
    await dialog.getByLabel('Begins').selectOption('beginning');
    await axe(page, 'a new destination');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await confirmed(page);
    await row.waitFor();
    if ((await page.content()).includes('canary-of-a-siem-token')) throw new Error('the token is shown');
    await row.getByRole('button', { name: 'Send a test' }).click();
    await page.getByText('soc took the test event.').waitFor();
    await row.getByText(/^[1-9][\d,]*, last/).waitFor();
    await axe(page, 'SIEM destinations');
  });

  await journey('it is edited without its secret, paused, and goes on', async () => {
    await row.getByRole('button', { name: 'Edit' }).click();
    const dialog = page.getByRole('dialog', { name: 'Change soc' });
    await dialog.getByLabel('Events at once').fill('100');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await confirmed(page);
    await page.getByText('soc is changed.').waitFor();
    await row.getByRole('button', { name: 'Pause' }).click();
    await row.getByText('paused', { exact: true }).waitFor();
    await row.getByRole('button', { name: 'Go on' }).click();
    await row.getByRole('button', { name: 'Pause' }).waitFor();
  });

  await journey('what is sent again arrives again', async () => {
    const before = receiver.state.events.length;
    await row.getByRole('button', { name: 'Replay' }).click();
    const dialog = page.getByRole('dialog', { name: 'Send again to soc' });
    await dialog.getByRole('button', { name: 'Send again' }).click();
    await confirmed(page);
    await page.getByText('It is sent again.').waitFor();
    for (let tries = 0; receiver.state.events.length === before; tries++) {
      if (tries > 100) throw new Error('nothing came');
      await page.waitForTimeout(100);
    }
  });

  await journey('a dead letter is seen, sent again, and given up', async () => {
    receiver.state.refused = 'deadlettered';
    const made = await call('POST', `${api}/workflows`, { definition: { name: 'deadlettered', nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }] } });
    receiver.state.refused = made.body.id;
    await call('POST', `${api}/workflows/${made.body.id}/publish`, {});
    await row.getByRole('button', { name: 'Dead letters' }).click();
    const dialog = page.getByRole('dialog', { name: 'Dead letters of soc' });
    for (let tries = 0; (await dialog.getByRole('button', { name: 'Send again' }).count()) === 0; tries++) {
      if (tries > 60) throw new Error(`no letter: ${JSON.stringify((await call('GET', `${api}/siem`)).body.items[0].status)}`);
      await dialog.getByRole('button', { name: 'Close' }).click();
      await page.waitForTimeout(500);
      await row.getByRole('button', { name: 'Dead letters' }).click();
      await page.waitForTimeout(300);
    }
    await axe(page, 'dead letters');
    await dialog.getByRole('button', { name: 'Send again' }).first().click();
    await page.getByText(/It was refused again|did not/).waitFor();
    receiver.state.refused = '';
    await dialog.getByRole('button', { name: 'Send again' }).first().click();
    await page.getByText('It was taken this time.').waitFor();
    await dialog.getByRole('button', { name: 'Give up' }).first().click();
    await page.getByText(/Given up/).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
  });

  await journey('an outage is told with its error and the next try', async () => {
    receiver.state.away = true;
    await call('POST', `${api}/workflows`, { definition: { name: 'while it is away', nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }] } });
    await row.getByText(/Last error/).waitFor();
    receiver.state.away = false;
    await row.getByRole('button', { name: 'Delete' }).click();
    await row.getByRole('button', { name: 'Really delete it' }).click();
    await confirmed(page);
    await page.getByText('Delivered nowhere yet').waitFor();
  });

  await journey('a webhook’s signing secret is shown once', async () => {
    await page.getByRole('button', { name: 'New destination' }).first().click();
    const dialog = page.getByRole('dialog', { name: 'New SIEM destination' });
    await dialog.getByLabel('Name').fill('hook');
    await dialog.getByLabel('Kind of receiver').selectOption('webhook');
    await dialog.getByLabel('Address').fill(receiver.url);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await confirmed(page);
    await page.getByRole('dialog', { name: /signing secret/ }).getByText(/^whsec_/).waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    if (/whsec_/.test(await page.content())) throw new Error('the secret is still shown');
  });
  receiver.stop();
}
