import { axe } from '../harness.mjs';

const PAGES = ['', '/workflows', '/runs', '/approvals', '/guardrails', '/guardrails?part=violations', '/guardrails?part=thresholds', '/guardrails?part=rules', '/guardrails?part=exceptions', '/guardrails?part=references', '/credentials', '/audit', '/audit?part=checkpoints', '/audit?part=siem', '/team', '/team?part=machines', '/team?part=keys', '/team?part=permissions', '/usage'];

export default async function ({ server, page, base, journey }) {
  for (const path of [...PAGES, '/account']) {
    await journey(`the page ${path || '/'} has no barrier in both themes and at 360 px`, async () => {
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
