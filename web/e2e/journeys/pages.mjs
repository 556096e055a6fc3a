import { axe } from '../harness.mjs';

const PAGES = ['', '/workflows', '/runs', '/approvals', '/guardrails', '/guardrails?part=violations', '/guardrails?part=thresholds', '/guardrails?part=rules', '/guardrails?part=exceptions', '/guardrails?part=references', '/credentials', '/audit', '/audit?part=checkpoints', '/audit?part=siem', '/compliance', '/team', '/team?part=machines', '/team?part=keys', '/team?part=permissions', '/usage'];

export default async function ({ server, page, base, api, call, journey }) {
  const nodes = [{ id: 'in', type: 'MANUAL_TRIGGER', position: { x: 0, y: 0 } }, { id: 'say', type: 'TRANSFORM', parameters: { template: 'x' }, position: { x: 240, y: 0 } }];
  const made = (await call('POST', `${api}/workflows`, { definition: { name: 'on every screen', nodes } })).body;
  const run = (await call('POST', `${api}/workflows/${made.id}/runs`, { input: 1, wait_seconds: 20, version: made.latest_version })).body;
  for (const path of [...PAGES, `/workflows/${made.id}`, `/workflows/${made.id}/versions`, `/runs/${run.id}`, '/nothing-here', '/account']) {
    await journey(`the page ${path.replace(/_[0-9a-z]{20,}/, '_…') || '/'} has no barrier in both themes and at 360 px`, async () => {
      await page.goto(`${server.origin}${path === '/account' ? '' : base}${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForFunction(() => !document.querySelector('[aria-label="Loading"]'));
      for (const theme of ['light', 'dark']) {
        await page.evaluate((to) => { document.documentElement.dataset.theme = to; }, theme);
        await axe(page, `${path} ${theme}`);
      }
      await page.setViewportSize({ width: 360, height: 740 });
      try {
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        if (wide > 360) throw new Error(`at 360 px the page is ${wide} px wide`);
        await axe(page, `${path} narrow`);
      } finally {
        await page.setViewportSize({ width: 1280, height: 800 });
      }
    });
  }
}
