// The corpus of attacks in every field that people fill in and that is shown again.
import { readFileSync } from 'node:fs';

const corpus = JSON.parse(readFileSync(new URL('../../../tests/fixtures/xss/html.json', import.meta.url), 'utf8'));
const texts = corpus.map(({ text }) => text.replaceAll(/[\u0000-\u001f]/g, ' ').slice(0, 180).trim()).filter(Boolean);

export default async function ({ server, page, base, api, call, journey, wrong }) {
  const team = api.split('/')[4];
  const kept = new Map();
  const put = async (field, method, path, data) => {
    const answer = await call(method, path, data);
    if (answer.status >= 500) throw new Error(`${answer.status} for ${field}: ${JSON.stringify(data)}`);
    if (answer.status < 300) kept.set(field, (kept.get(field) ?? 0) + 1);
    return answer.body;
  };
  const rest = () => page.waitForFunction(() => !document.querySelector('[aria-label="Loading"]')).then(() => page.waitForTimeout(150));
  /** Elements that only an attack could have made. */
  const strange = () => page.evaluate(() => document.querySelectorAll('main script, main iframe, main object, main embed, main form[action], main [onload], main [onerror], main [onclick], main svg[onload], main img, main a[href^="javascript" i]').length);
  const shown = async (path, what) => {
    await page.goto(`${server.origin}${path === '/account' ? '' : base}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await rest();
    const found = await strange();
    if (found > 0) throw new Error(`${path}: ${found} elements were made from ${what}`);
  };

  let workflow;
  let run;
  await journey('attacks are entered in every field of the API that is shown again', async () => {
    for (const [n, text] of texts.entries()) {
      const nodes = [{ id: 'in', type: 'MANUAL_TRIGGER', name: text }, { id: 'say', type: 'TRANSFORM', name: text, parameters: { template: { [`m${n}`]: text } } }];
      const made = await put('workflow and node names', 'POST', `${api}/workflows`, { definition: { name: `${n} ${text}`, nodes } });
      if (made.id) {
        workflow = made.id;
        const started = await put('run inputs and outputs', 'POST', `${api}/workflows/${made.id}/runs`, { input: { text, [text.slice(0, 60)]: 1 }, wait_seconds: 10, version: made.latest_version });
        run = started.id ?? run;
      }
      await put('exceptions', 'POST', `${api}/guardrails/exceptions`, { text, owner: text, reason: text, expires_at: new Date(Date.now() + 86_400_000).toISOString() });
      await put('references', 'POST', `${api}/guardrails/references`, { kind: 'safe', texts: [text] });
      await put('credentials', 'POST', `${api}/credentials`, { name: `${n} ${text}`, kind: 'api_key', value: 'x'.repeat(20), hosts: ['api.example.com'] });
      await put('keys', 'POST', `${api}/api-keys`, { name: `${n} ${text}`, permissions: ['workflow.view'] });
      await put('prices', 'PUT', `${api}/billing/prices`, { prices: [{ provider: text.slice(0, 60), model: text.slice(0, 60), input_usd: 1, output_usd: 1 }] });
      if (n % 5 === 0) await put('SIEM destinations', 'POST', `${api}/siem`, { name: `${n} ${text}`, enabled: false, to: { kind: 'webhook', url: 'http://127.0.0.1:9/' } });
      if (n % 5 === 0) await put('service accounts', 'POST', `${api}/service-accounts`, { name: `${n} ${text}`.slice(0, 100), role: 'viewer' });
    }
    const rules = texts.map((text, n) => ({ type: 'KEYWORD_LIST', name: `${n} ${text}`.slice(0, 120), keywords: [`word${n}`], tests: [{ text, finds: false }] }));
    await put('rules', 'POST', `${api}/workflows`, { definition: { name: 'AAA rules', nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }, { id: 'guard', type: 'GUARDRAIL', name: texts[0], parameters: { severity: 'LOG', rules: rules.slice(0, 40) } }] } });
    for (const text of texts.slice(0, 30)) {
      const asks = await put('approvals', 'POST', `${api}/workflows`, { definition: { name: `asks ${text}`, nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }, { id: 'ask', type: 'HUMAN_APPROVAL', parameters: { message: `<p>${text}</p>` } }] } });
      if (asks.id) await call('POST', `${api}/workflows/${asks.id}/runs`, { input: 1, version: asks.latest_version });
    }
    console.log(`  kept: ${[...kept].map(([field, count]) => `${field} ${count}`).join(', ')}`);
    for (const field of ['workflow and node names', 'run inputs and outputs', 'exceptions', 'references', 'approvals', 'rules']) if (!kept.get(field)) throw new Error(`no attack was kept in ${field}`);
  });

  for (const [path, what] of [['', 'names of workflows'], ['/workflows', 'names'], ['/runs', 'names'], ['/approvals', 'what is asked'], ['/guardrails?part=exceptions', 'exceptions'], ['/guardrails?part=references', 'references'], ['/guardrails?part=violations', 'violations'], ['/guardrails?part=rules', 'rules'], ['/credentials', 'names'], ['/audit', 'details'], ['/audit?part=siem', 'names of destinations'], ['/team', 'names'], ['/team?part=machines', 'names of machines'], ['/team?part=keys', 'names of keys'], ['/usage', 'names and prices'], ['/compliance', 'names of workflows and credentials'], ['/account', 'names of keys']]) {
    await journey(`R128: attacks run nowhere on ${path || '/'}`, () => shown(path, what));
  }

  await journey('R126, R128: attacks run nowhere in the editor, a run, and the palette', async () => {
    await shown(`/workflows/${workflow}`, 'node names');
    await page.locator('.react-flow__node').first().click();
    await page.waitForTimeout(300);
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder(/Go to/).waitFor();
    await page.waitForTimeout(300);
    await page.keyboard.press('Escape');
    await shown(`/workflows/${workflow}/versions`, 'versions');
    await shown(`/runs/${run}`, 'input and output');
    await shown('/audit', 'details');
    for (const name of ['workflow.create', 'apikey.create', 'credential.create']) {
      const entry = page.getByRole('button', { name }).first();
      if ((await entry.count()) === 0) continue;
      await entry.click();
      await page.getByRole('dialog').getByLabel('Entry', { exact: true }).waitFor();
      if ((await strange()) > 0) throw new Error(`an entry of ${name} made elements`);
      await page.keyboard.press('Escape');
    }
    await page.goto(`${server.origin}${base}/approvals`);
    await page.getByRole('document', { name: 'What is asked' }).first().waitFor();
    const rendered = await page.getByRole('document', { name: 'What is asked' }).count();
    if (rendered < 5) throw new Error(`only ${rendered} were rendered at all`);
    if ((await strange()) > 0) throw new Error('what is asked made elements');
  });

  await journey('control: the same text put into the page raw is noticed by this test', async () => {
    const before = wrong.length;
    await page.evaluate(() => { document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>'); });
    await page.waitForTimeout(500);
    const noticed = (await strange()) > 0 && wrong.length > before;
    wrong.length = before;
    await page.reload();
    if (!noticed) throw new Error('nothing was noticed');
    // Later parts find a tidy team.
    await call('PUT', `/api/v1/teams/${team}/development/billing/prices`, { prices: [] });
  });
}
