import { axe } from '../harness.mjs';

export default async function ({ server, page, base, api, call, journey }) {
  await journey('a workflow is drawn, saved, run and published', async () => {
    await page.goto(`${server.origin}${base}/workflows`);
    await page.getByRole('button', { name: 'New workflow' }).first().click();
    await page.waitForURL(/\/workflows\/wf_/);
    await page.getByRole('complementary', { name: 'Node types' }).getByRole('button', { name: 'Transform', exact: true }).click();
    await page.getByText('not saved').waitFor();
    await page.keyboard.press('Control+z');
    await page.getByText('not saved').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('link', { name: /Last run succeeded/ }).waitFor();
    await axe(page, 'editor');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('In service in development.').waitFor();
    await page.getByRole('link', { name: /Last run/ }).click();
    await page.getByText('Timeline').waitFor();
    await axe(page, 'run');
  });

  await journey('an expression shows what it yields while it is typed, with pinned data and with the last run', async () => {
    const definition = {
      name: `previews ${Date.now()}`,
      nodes: [
        { id: 'in', type: 'MANUAL_TRIGGER', position: { x: 0, y: 0 }, test_data: { name: 'Ada', tags: ['x', 'y'] } },
        { id: 'shape', type: 'TRANSFORM', parameters: { template: 'Hello' }, position: { x: 260, y: 0 } },
        { id: 'after', type: 'TRANSFORM', parameters: { template: '{{ nodes.shape }}' }, position: { x: 520, y: 0 } },
      ],
      edges: [{ from: 'in', to: 'shape' }, { from: 'shape', to: 'after' }],
    };
    const made = await call('POST', `${api}/workflows`, { definition });
    await page.goto(`${server.origin}${base}/workflows/${made.body.id}`);
    await page.locator('.react-flow__node', { hasText: 'shape' }).click();
    const panel = page.getByRole('complementary', { name: 'The chosen node' });
    const shown = (text) => panel.locator('output', { hasText: text }).waitFor();
    const write = async (template) => {
      await panel.getByRole('textbox', { name: /Template/ }).click();
      await page.keyboard.press('Control+a');
      await page.keyboard.press('Delete');
      await page.keyboard.insertText(JSON.stringify(template));
    };
    await write('Hello {{ input.name }}, {{ input.tags | length }} tags');
    await shown('Hello Ada, 2 tags');
    await write('{{ input.missing.deeper }}');
    await panel.getByRole('status').filter({ hasText: /undefined/ }).waitFor();
    await write('Hello {{ input.name }}');
    await shown('Hello Ada');
    // The next node has nothing to go on before a run.
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('link', { name: /Last run succeeded/ }).waitFor();
    await page.locator('.react-flow__node', { hasText: 'after' }).click();
    await shown('Hello Ada');
    await panel.getByRole('button', { name: 'Pin this output as test data' }).click();
    await page.getByText('not saved').waitFor();
    await axe(page, 'editor with a preview');
  });

  await journey('what is wrong is marked at the node', async () => {
    const definition = { name: 'wrong', nodes: [{ id: 'in', type: 'MANUAL_TRIGGER', position: { x: 0, y: 0 } }, { id: 'ask', type: 'HTTP_REQUEST', parameters: { url: 'https://example.com' }, position: { x: 260, y: 0 } }], edges: [{ from: 'in', to: 'ask' }] };
    const made = await call('POST', `${api}/workflows`, { definition });
    await page.goto(`${server.origin}${base}/workflows/${made.body.id}`);
    await page.locator('.react-flow__node', { hasText: 'ask' }).click();
    const panel = page.getByRole('complementary', { name: 'The chosen node' });
    await panel.getByLabel(/URL|url/).first().fill('');
    await page.locator('[aria-label$="to mend"]').first().waitFor();
    await page.keyboard.press('Escape');
  });

  await journey('two versions are compared', async () => {
    const first = { name: 'versions', nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }] };
    const made = await call('POST', `${api}/workflows`, { definition: first });
    await call('PUT', `${api}/workflows/${made.body.id}`, { definition: { ...first, nodes: [...first.nodes, { id: 'say', type: 'TRANSFORM', parameters: { template: 'x' } }] } });
    await page.goto(`${server.origin}${base}/workflows/${made.body.id}/versions`);
    await page.getByLabel('Difference').filter({ hasText: 'say' }).waitFor();
    await axe(page, 'versions');
  });

  await journey('an approval tells whoever started the run why they may not decide it, and the run is cancelled', async () => {
    const definition = { name: 'asks', nodes: [{ id: 'in', type: 'MANUAL_TRIGGER' }, { id: 'ask', type: 'HUMAN_APPROVAL', parameters: { message: 'May <b>this</b> go out?' } }] };
    const made = await call('POST', `${api}/workflows`, { definition });
    const run = await call('POST', `${api}/workflows/${made.body.id}/runs`, { input: 1, version: made.body.latest_version });
    await page.goto(`${server.origin}${base}/approvals`);
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await page.getByRole('document', { name: 'What is asked' }).waitFor();
    await axe(page, 'approvals');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText(/whoever started the run may not approve it/).waitFor();
    await page.goto(`${server.origin}${base}/runs/${run.body.id}`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('header').getByText('cancelled').first().waitFor();
  });
}
