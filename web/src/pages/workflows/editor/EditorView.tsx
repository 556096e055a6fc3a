import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type Connection, ReactFlowProvider, useReactFlow } from '@xyflow/react';
import { History, LayoutGrid, PanelLeft, Play, Redo2, Rocket, Save, Undo2 } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { ApiError, api, body, type Schemas } from '../../../api/client';
import { isTyping } from '../../../layout/shortcuts';
import { useLive } from '../../../lib/live';
import { useKeys, useScope } from '../../../session';
import { Button, IconButton } from '../../../ui/button';
import { loadCode } from '../../../ui/codeLater';
import { Page } from '../../../ui/page';
import { Badge, Status } from '../../../ui/state';
import { say, sayError } from '../../../ui/toast';
import { type NodeLog, untilOver } from '../../runs/log';
import type { NodeKind } from '../Editor';
import { Canvas, FIT } from './Canvas';
import { byNode, type Definition, edgesOf, flowEdges, flowNodes, freshId, type FlowNode, isTrigger, type NodeDefinition } from './document';
import { useDocument } from './history';
import { added, NodePanel } from './NodePanel';
import { NodePalette } from './NodePalette';
import type { LastRun } from './preview';
import { RunBox } from './RunBox';

export function EditorView(props: { workflow: Schemas['Workflow']; first: Definition; kinds: NodeKind[] }) {
  return (
    <ReactFlowProvider>
      <Inside {...props} />
    </ReactFlowProvider>
  );
}

function Inside({ workflow, first, kinds }: { workflow: Schemas['Workflow']; first: Definition; kinds: NodeKind[] }) {
  const { path, environment, may, refused } = useScope();
  const keys = useKeys();
  const flow = useReactFlow();
  const { definition, change, undo, redo, canUndo, canRedo } = useDocument(first);
  const [saved, setSaved] = useState(first);
  const [selected, setSelected] = useState<Set<string>>(new Set());
  const [palette, setPalette] = useState(true);
  const [runBox, setRunBox] = useState(false);
  const [runId, setRunId] = useState<string | null>(null);
  const canvas = useRef<HTMLDivElement>(null);
  const clipboard = useRef<{ nodes: NodeDefinition[]; edges: { from: string; to: string; output?: string }[] } | null>(null);
  const readOnly = !may('workflow.edit');
  const dirty = definition !== saved;

  // What the server says of the definition, a moment after the last change.
  const [settled, setSettled] = useState(definition);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(definition), 500);
    return () => clearTimeout(timer);
  }, [definition]);
  const validation = useQuery({
    queryKey: keys.of('validation', settled),
    gcTime: 5000,
    placeholderData: (before) => before,
    queryFn: () => body(api.POST('/api/v1/teams/{team}/{environment}/workflows/validate', { params: { path }, body: { definition: settled as never } })),
  });
  const defects = useMemo(() => byNode(settled, validation.data?.errors ?? []), [settled, validation.data]);

  // The run that was started here, as it goes.
  const run = useQuery({ queryKey: keys.of('run', runId), enabled: runId !== null, refetchInterval: untilOver, queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/runs/{run}', { params: { path: { ...path, run: runId as string } } })) });
  const logs = ((run.data?.nodes ?? []) as unknown as NodeLog[]).filter((log) => !log.path);
  const status = useMemo(() => new Map(logs.map((log) => [log.node, log.status])), [run.data]); // eslint-disable-line
  useLive((event) => {
    if (runId && event.run === runId) void run.refetch();
  });

  // Without one, expressions are previewed with the newest run that there is.
  const earlier = useQuery({
    queryKey: keys.of('runs', 'newest', workflow.id),
    queryFn: async () => {
      const [newest] = (await body(api.GET('/api/v1/teams/{team}/{environment}/runs', { params: { path, query: { workflow: workflow.id, limit: 1 } } }))).items;
      return newest ? body(api.GET('/api/v1/teams/{team}/{environment}/runs/{run}', { params: { path: { ...path, run: newest.id } } })) : null;
    },
  });
  const last = (run.data ?? earlier.data ?? undefined) as unknown as LastRun | undefined;

  const credentials = useQuery({ queryKey: keys.of('credentials', 'names'), enabled: may('credential.use'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/credentials', { params: { path, query: { limit: 200 } } })) });

  // Nodes that did not change stay the objects that they were, so that only the others are drawn anew.
  const drawn = useRef(new Map<string, FlowNode>());
  const nodes = useMemo(() => flowNodes(definition, defects, status, selected, drawn.current), [definition, defects, status, selected]);
  const edges = useMemo(() => flowEdges(definition), [definition.nodes, definition.edges]); // eslint-disable-line

  const now = useRef(definition);
  now.current = definition;
  const changes = useMemo(
    () => ({
      moved: (places: Map<string, { x: number; y: number }>) => change({ ...now.current, nodes: now.current.nodes.map((node) => { const to = places.get(node.id); return to ? { ...node, position: { x: Math.round(to.x), y: Math.round(to.y) } } : node; }) }),
      select: (all: { id: string; selected: boolean }[]) => setSelected((before) => { const next = new Set(before); for (const one of all) if (one.selected) next.add(one.id); else next.delete(one.id); return next; }),
      deleted: (ids: Set<string>, cut: Set<string>) => { const next = without(now.current, ids); change({ ...next, edges: edgesOf(next).filter((edge) => !cut.has(`${edge.from}:${edge.output ?? 'main'}>${edge.to}`)) }); },
      connected: ({ source, target, sourceHandle }: Connection) => {
        const edge = { from: source, to: target, ...(sourceHandle && sourceHandle !== 'main' ? { output: sourceHandle } : {}) };
        const known = edgesOf(now.current);
        if (source !== target && !known.some((one) => one.from === edge.from && one.to === edge.to && (one.output ?? 'main') === (edge.output ?? 'main'))) change({ ...now.current, edges: [...known, edge] });
      },
    }),
    [change],
  );

  const marked = useRef(selected);
  marked.current = selected;
  const add = useCallback(
    (type: string, at?: { x: number; y: number }) => {
      const before = now.current;
      const box = canvas.current?.getBoundingClientRect();
      const anchor = before.nodes.find((node) => marked.current.has(node.id));
      // Without one, it stands to the right of everything, where it hides nothing.
      const last = before.nodes.reduce<NodeDefinition | undefined>((right, node) => ((node.position?.x ?? 0) >= (right?.position?.x ?? Number.NEGATIVE_INFINITY) ? node : right), undefined);
      const beside = anchor ?? last;
      const place = at ?? (beside?.position ? { x: beside.position.x + 250, y: beside.position.y } : flow.screenToFlowPosition({ x: (box?.left ?? 0) + (box?.width ?? 600) / 2, y: (box?.top ?? 0) + (box?.height ?? 400) / 2 }));
      const made = added(before, type, { x: Math.round(place.x), y: Math.round(place.y) });
      // A node that is added while another is chosen goes on from there.
      const joined = anchor && !at ? { ...made.definition, edges: [...edgesOf(made.definition), { from: anchor.id, to: made.id }] } : made.definition;
      change(joined);
      setSelected(new Set([made.id]));
    },
    [change, flow],
  );
  const hidePalette = useCallback(() => setPalette(false), []);
  const arrange = async () => {
    const { arranged } = await import('./arrange');
    change(arranged(now.current));
    requestAnimationFrame(() => void flow.fitView(FIT));
  };
  const copy = useCallback(() => {
    const chosen = definition.nodes.filter((node) => selected.has(node.id));
    if (chosen.length === 0) return;
    clipboard.current = { nodes: chosen, edges: edgesOf(definition).filter((edge) => selected.has(edge.from) && selected.has(edge.to)) };
    say(`${chosen.length} ${chosen.length === 1 ? 'node' : 'nodes'} copied. Paste with Ctrl+V.`);
  }, [definition, selected]);
  const paste = useCallback(() => {
    const held = clipboard.current;
    if (!held || readOnly) return;
    let next: Definition = { ...definition, edges: edgesOf(definition) };
    const names = new Map<string, string>();
    for (const node of held.nodes) {
      const id = freshId(next, node.type);
      names.set(node.id, id);
      next = { ...next, nodes: [...next.nodes, { ...node, id, position: { x: (node.position?.x ?? 0) + 40, y: (node.position?.y ?? 0) + 60 } }] };
    }
    next = { ...next, edges: [...(next.edges ?? []), ...held.edges.map((edge) => ({ ...edge, from: names.get(edge.from) ?? edge.from, to: names.get(edge.to) ?? edge.to }))] };
    change(next);
    setSelected(new Set(names.values()));
  }, [change, definition, readOnly]);

  const save = useMutation({
    mutationFn: async (what: Definition) => ({ what, answer: await body(api.PUT('/api/v1/teams/{team}/{environment}/workflows/{id}', { params: { path: { ...path, id: workflow.id } }, body: { definition: what as never } })) }),
    onSuccess: ({ what, answer }) => {
      setSaved(what);
      void keys.stale('workflows');
      void keys.stale('workflow', workflow.id);
      say(`Saved as version ${answer.latest_version.slice(0, 10)}.`);
    },
    onError: sayError,
  });
  const publish = useMutation({
    mutationFn: async () => {
      if (dirty) await save.mutateAsync(definition);
      return body(api.POST('/api/v1/teams/{team}/{environment}/workflows/{id}/publish', { params: { path: { ...path, id: workflow.id } }, body: {} }));
    },
    onSuccess: () => {
      void keys.stale('workflow', workflow.id);
      void keys.stale('workflows');
      say(`In service in ${environment}.`);
    },
    onError: sayError,
  });
  const start = useMutation({
    mutationFn: async (input: unknown) => {
      const version = dirty ? (await save.mutateAsync(definition)).answer.latest_version : workflow.latest_version;
      return body(api.POST('/api/v1/teams/{team}/{environment}/workflows/{id}/runs', { params: { path: { ...path, id: workflow.id } }, body: { input: input as never, version } }));
    },
    onSuccess: (made) => {
      setRunBox(false);
      setRunId((made as unknown as { id: string }).id);
    },
    onError: (error) => sayError(error instanceof ApiError && error.problem.code === 'NL-5001' ? 'Mend what is marked before running it.' : error),
  });

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = isTyping(event);
      const mod = event.ctrlKey || event.metaKey;
      const key = event.key.toLowerCase();
      if (mod && key === 's') {
        event.preventDefault();
        if (!readOnly && dirty) save.mutate(definition);
      } else if (mod && event.key === 'Enter') {
        event.preventDefault();
        setRunBox(true);
      } else if (!typing && mod && key === 'z') {
        event.preventDefault();
        if (event.shiftKey) redo();
        else undo();
      } else if (!typing && mod && key === 'y') {
        event.preventDefault();
        redo();
      } else if (!typing && mod && key === 'c') copy();
      else if (!typing && mod && key === 'v') paste();
      else if (!typing && mod && key === 'a') {
        event.preventDefault();
        setSelected(new Set(definition.nodes.map((node) => node.id)));
      }
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [copy, definition, dirty, paste, readOnly, redo, save, undo]);
  useEffect(() => {
    const leaving = (event: BeforeUnloadEvent) => dirty && event.preventDefault();
    window.addEventListener('beforeunload', leaving);
    return () => window.removeEventListener('beforeunload', leaving);
  }, [dirty]);

  // The first node that is chosen finds the code editor there.
  useEffect(() => {
    const timer = setTimeout(() => void loadCode().catch(() => {}), 1500);
    return () => clearTimeout(timer);
  }, []);

  const chosen = selected.size === 1 ? definition.nodes.find((node) => selected.has(node.id)) : undefined;
  const refusal = refused('workflow.edit');
  const general = defects.get('') ?? [];
  return (
    <Page
      full
      title={workflow.name}
      actions={
        <>
          {general.length > 0 ? <Badge tone="bad">{general[0]}</Badge> : validation.data ? <Badge tone={validation.data.valid ? 'good' : 'bad'}>{validation.data.valid ? 'valid' : `${validation.data.errors.length} to mend`}</Badge> : null}
          {dirty ? <Badge tone="warn">not saved</Badge> : null}
          {run.data ? (
            <Link to="/t/$team/$environment/runs/$run" params={{ ...path, run: runId as string }} className="flex items-center gap-1 text-[13px] text-accent underline">
              Last run <Status of={(run.data as unknown as { status: string }).status} />
            </Link>
          ) : null}
          <IconButton label="Undo (Ctrl+Z)" disabled={!canUndo} onClick={undo}>
            <Undo2 size={16} aria-hidden />
          </IconButton>
          <IconButton label="Redo (Ctrl+Shift+Z)" disabled={!canRedo} onClick={redo}>
            <Redo2 size={16} aria-hidden />
          </IconButton>
          <IconButton label="Arrange" refused={refusal} onClick={() => void arrange()}>
            <LayoutGrid size={16} aria-hidden />
          </IconButton>
          <Link to="/t/$team/$environment/workflows/$workflow/versions" params={{ ...path, workflow: workflow.id }} aria-label="Versions" className="inline-grid size-8 place-items-center rounded-md text-soft hover:bg-raised hover:text-ink">
            <History size={16} aria-hidden />
          </Link>
          <Button icon={<Save size={14} aria-hidden />} refused={refusal ?? (dirty ? undefined : 'Everything is saved.')} busy={save.isPending} onClick={() => save.mutate(definition)}>
            Save
          </Button>
          <Button icon={<Play size={14} aria-hidden />} refused={refused('workflow.execute')} busy={start.isPending} onClick={() => setRunBox(true)}>
            Run
          </Button>
          <Button look="primary" icon={<Rocket size={14} aria-hidden />} refused={refusal} busy={publish.isPending} onClick={() => publish.mutate()}>
            Publish
          </Button>
        </>
      }
    >
      <div className="flex min-h-0 flex-1">
        {palette && !readOnly ? <NodePalette kinds={kinds} add={add} close={hidePalette} /> : null}
        <div
          ref={canvas}
          className="relative min-w-0 flex-1"
          onDragOver={(event) => event.preventDefault()}
          onDrop={(event) => {
            const type = event.dataTransfer.getData('application/x-nodeloom');
            if (type) add(type, flow.screenToFlowPosition({ x: event.clientX - 95, y: event.clientY - 32 }));
          }}
        >
          <Canvas nodes={nodes} edges={edges} readOnly={readOnly} changes={changes} />
          {palette || readOnly ? null : (
            <span className="absolute top-2 left-2 rounded-md border border-line bg-panel">
              <IconButton label="Show the palette" onClick={() => setPalette(true)}>
                <PanelLeft size={16} aria-hidden />
              </IconButton>
            </span>
          )}
        </div>
        {chosen ? (
          <aside aria-label="The chosen node" className="w-[min(100%,340px)] shrink-0 overflow-y-auto border-l border-line bg-panel p-4 max-sm:absolute max-sm:inset-y-12 max-sm:right-0 max-sm:z-10">
            <NodePanel
              key={chosen.id}
              definition={definition}
              node={chosen}
              schema={kinds.find((kind) => kind.type === chosen.type)?.parameters}
              credentials={credentials.data?.items.map((one) => one.name) ?? []}
              defects={defects.get(chosen.id) ?? []}
              log={logs.find((log) => log.node === chosen.id)}
              last={last}
              readOnly={readOnly}
              change={(next, kind) => change({ ...definition, nodes: definition.nodes.map((node) => (node.id === next.id ? next : node)) }, kind)}
              remove={() => { change(without(definition, selected)); setSelected(new Set()); }}
              copy={copy}
            />
          </aside>
        ) : null}
      </div>
      <RunBox open={runBox} close={() => setRunBox(false)} start={(input) => start.mutate(input)} busy={start.isPending} pinned={definition.nodes.find((node) => isTrigger(node.type) && node.test_data !== undefined)?.test_data} />
    </Page>
  );
}

function without(definition: Definition, ids: Set<string>): Definition {
  return { ...definition, nodes: definition.nodes.filter((node) => !ids.has(node.id)), edges: edgesOf(definition).filter((edge) => !ids.has(edge.from) && !ids.has(edge.to)) };
}
