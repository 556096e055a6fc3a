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

  await journey('nodes are dragged, copied, pasted, arranged and deleted, and every step is undone', async () => {
    const definition = { name: `moves ${Date.now()}`, nodes: [{ id: 'in', type: 'MANUAL_TRIGGER', position: { x: 0, y: 0 } }, { id: 'say', type: 'TRANSFORM', parameters: { template: 'x' }, position: { x: 260, y: 140 } }], edges: [{ from: 'in', to: 'say' }] };
    const made = await call('POST', `${api}/workflows`, { definition });
    await page.goto(`${server.origin}${base}/workflows/${made.body.id}`);
    const edges = page.locator('.react-flow__edge');
    const count = (of, want) => page.waitForFunction(([name, many]) => document.querySelectorAll(name).length === many, [of, want]);
    const say = page.locator('.react-flow__node[data-id=say]');
    const where = async () => (await say.getAttribute('style')).match(/translate\(([^)]*)\)/)[1];
    await edges.first().waitFor();
    const begin = await where();
    const box = await say.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 + 60, box.y + box.height / 2 + 40, { steps: 8 });
    await page.mouse.up();
    await page.getByText('not saved').waitFor();
    if ((await where()) === begin) throw new Error('it did not move');
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('not saved').waitFor({ state: 'detached' });
    if ((await where()) !== begin) throw new Error('it did not go back');
    await say.click();
    await page.keyboard.press('Control+c');
    await page.getByText(/1 node copied/).waitFor();
    await page.keyboard.press('Control+v');
    await count('.react-flow__node', 3);
    await page.locator('.react-flow__node[data-id=transform][style*="translate(300px, 200px)"]').waitFor();
    await page.getByRole('button', { name: 'Arrange' }).click();
    await page.locator('.react-flow__node[data-id=transform]:not([style*="translate(300px, 200px)"])').waitFor();
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await count('.react-flow__node', 2);
    // A node that goes takes its edge along, and one step back brings both.
    await say.click();
    await page.keyboard.press('Delete');
    await count('.react-flow__node', 1);
    await page.keyboard.press('Control+z');
    await count('.react-flow__node', 2);
    await count('.react-flow__edge', 1);
    await page.keyboard.press('Control+Shift+z');
    await count('.react-flow__node', 1);
    await page.keyboard.press('Control+z');
    await page.getByRole('complementary', { name: 'Node types' }).getByRole('button', { name: 'Delay' }).dragTo(page.locator('.react-flow__pane'), { targetPosition: { x: 200, y: 60 } });
    await count('.react-flow__node', 3);
    await page.getByText('not saved').waitFor();
    await page.keyboard.press('Control+z');
    await count('.react-flow__node', 2);
  });

  await journey('what is typed into the code editor stays there: no letter is a shortcut', async () => {
    const definition = { name: `typed ${Date.now()}`, nodes: [{ id: 'in', type: 'MANUAL_TRIGGER', position: { x: 0, y: 0 } }, { id: 'code', type: 'CODE', parameters: { language: 'javascript', code: 'return 1;' }, position: { x: 260, y: 0 } }], edges: [{ from: 'in', to: 'code' }] };
    const made = await call('POST', `${api}/workflows`, { definition });
    await page.goto(`${server.origin}${base}/workflows/${made.body.id}`);
    await page.locator('.react-flow__node[data-id=code]').click();
    await page.getByRole('complementary', { name: 'The chosen node' }).getByRole('textbox', { name: /Code/ }).click();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await page.keyboard.type('return "gw/gr" // g a g t');
    await page.getByText('not saved').waitFor();
    if (!page.url().endsWith(made.body.id)) throw new Error(`the page went to ${page.url()}`);
    if ((await page.getByPlaceholder(/Go to/).count()) > 0) throw new Error('the palette opened');
    // A page that is slow to follow loses nothing of what is typed meanwhile.
    const session = await page.context().newCDPSession(page);
    await session.send('Emulation.setCPUThrottlingRate', { rate: 12 });
    const long = ' abcdefghijklmnopqrstuvwxyz 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    for (const part of long.match(/.{1,4}/g)) await page.keyboard.insertText(part);
    await session.send('Emulation.setCPUThrottlingRate', { rate: 1 });
    await page.getByRole('textbox', { name: /Code/ }).getByText(long.trim()).waitFor();
    await page.keyboard.press('Control+s');
    await page.getByText(/Saved as version/).waitFor();
    const saved = await call('GET', `${api}/workflows/${made.body.id}/export`);
    if (!JSON.stringify(saved.body).includes('gw/gr') || !JSON.stringify(saved.body).includes(long)) throw new Error(JSON.stringify(saved.body));
  });
}
