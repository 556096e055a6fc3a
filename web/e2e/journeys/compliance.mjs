import { readFileSync } from 'node:fs';
import { axe } from '../harness.mjs';

export default async function ({ server, page, base, api, call, journey }) {
  await journey('R252: the controls that hold here are shown, and one that does not is not called well', async () => {
    const nodes = [{ id: 'in', type: 'MANUAL_TRIGGER' }];
    const made = (await call('POST', `${api}/workflows`, { definition: { name: 'unguarded', nodes } })).body;
    await call('POST', `${api}/workflows/${made.id}/publish`, {});
    const row = (name) => page.getByRole('region', { name: 'Controls' }).getByRole('listitem').filter({ hasText: name });
    await page.goto(`${server.origin}${base}/compliance`);
    await row('Published workflows have a guardrail').getByText('needs a look').waitFor();
    await row('Published workflows have a guardrail').getByText(/Without one/).waitFor();
    await row('The audit trail is sealed').getByText('holds', { exact: true }).waitFor();
    await page.getByText('is no certification').waitFor();
    await axe(page, 'compliance');
    await call('POST', `${api}/workflows/${made.id}/unpublish`, {});
    const wait = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save what is shown' }).click();
    const file = JSON.parse(readFileSync(await (await wait).path(), 'utf8'));
    if (file.controls.length < 9 || file.environment !== 'development') throw new Error(JSON.stringify(file).slice(0, 300));
    // What could not be looked at has not passed.
    await page.route('**/siem', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"title":"away","code":"NL-9003","status":500}' }));
    await page.goto(`${server.origin}${base}/compliance`);
    await row('The trail leaves this machine').getByText('not evaluated').waitFor();
    await page.unrouteAll({ behavior: 'wait' });
  });
}
