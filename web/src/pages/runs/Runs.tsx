import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Activity, Radio } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { useLive } from '../../lib/live';
import { LONG } from '../../lib/long';
import { ago, at, took } from '../../lib/time';
import { useWorkflows } from '../../lib/workflows';
import { useKeys, useScope } from '../../session';
import { Select } from '../../ui/field';
import { Card, Page } from '../../ui/page';
import { type Cell, Rows } from '../../ui/rows';
import { Badge, Empty, Status } from '../../ui/state';

const STATES = ['queued', 'running', 'waiting', 'paused', 'succeeded', 'failed', 'blocked', 'cancelled'] as const;
type RunPage = Schemas['Page_RunSummary'];

/** `held` with what is new in `newest`; the pages below stay as they are. */
export function merged(held: RunPage[], newest: RunPage): RunPage[] {
  const [first, ...others] = held;
  if (!first || others.length === 0) return [newest];
  const fresh = new Map(newest.items.map((run) => [run.id, run]));
  const known = first.items.map((run) => fresh.get(run.id) ?? run);
  const ids = new Set(held.flatMap((one) => one.items.map((run) => run.id)));
  return [{ ...first, items: [...newest.items.filter((run) => !ids.has(run.id)), ...known] }, ...others];
}

export default function Runs() {
  const { path } = useScope();
  const keys = useKeys();
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as { status?: (typeof STATES)[number]; workflow?: string };
  const workflows = useWorkflows();
  const name = (id: string) => workflows.get(id) ?? id;
  const query = { ...(search.status ? { status: search.status } : {}), ...(search.workflow ? { workflow: search.workflow } : {}) };
  const client = useQueryClient();
  const queryKey = keys.of('runs', 'list', query);
  const page = (cursor: string | undefined) => body(api.GET('/api/v1/teams/{team}/{environment}/runs', { params: { path, query: { ...query, limit: 100, ...(cursor ? { cursor } : {}) } } }));
  const list = useInfiniteQuery({
    queryKey,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => page(pageParam),
    getNextPageParam: (last) => last.next ?? undefined,
    ...LONG,
    // Coming back here shows what has happened since; what had been scrolled to is loaded again on the way.
    refetchOnMount: 'always',
    gcTime: 0,
  });
  // New runs come at the top; a burst of events asks once, and for the newest page alone.
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const live = useLive((event) => {
    if (!event.kind.startsWith('run')) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(async () => {
      const newest = await page(undefined);
      client.setQueryData<InfiniteData<RunPage>>(queryKey, (held) => held && { ...held, pages: merged(held.pages, newest) });
    }, 400);
  });
  useEffect(() => () => clearTimeout(timer.current), []);

  const cells: Cell<RunPage['items'][number]>[] = [
    { title: 'Workflow', className: 'truncate', cell: (run) => <Link to="/t/$team/$environment/runs/$run" params={{ ...path, run: run.id }} className="font-medium hover:underline">{name(run.workflow)}</Link> },
    { title: 'Status', cell: (run) => <Status of={run.status} /> },
    { title: 'Started by', wide: true, className: 'text-soft', cell: (run) => run.trigger },
    { title: 'When', wide: true, className: 'text-soft', tip: (run) => at(run.created_at), cell: (run) => ago(run.created_at) },
    { title: 'Took', className: 'text-soft tabular-nums', cell: (run) => took(run.duration_ms) },
  ];
  const filter = (next: Record<string, string | undefined>) => void navigate({ to: '.', search: { ...search, ...next } as never, replace: true });
  return (
    <Page
      title="Runs"
      lead="Every execution, newest first."
      actions={
        <>
          <Badge tone={live ? 'good' : 'idle'}>
            <Radio size={12} className="mr-1" aria-hidden /> {live ? 'live' : 'connecting'}
          </Badge>
          <Select bare label="Workflow" value={search.workflow ?? ''} className="max-w-48" onChange={(event) => filter({ workflow: event.target.value || undefined })}>
            <option value="">Any workflow</option>
            {[...workflows].map(([id, title]) => <option key={id} value={id}>{title}</option>)}
          </Select>
          <Select bare label="Status" value={search.status ?? ''} onChange={(event) => filter({ status: event.target.value || undefined })}>
            <option value="">Any status</option>
            {STATES.map((state) => (
              <option key={state}>{state}</option>
            ))}
          </Select>
        </>
      }
    >
      <Card flush>
        <Rows
          label="Runs"
          order="Runs, newest first"
          list={list}
          id={(run) => run.id}
          cells={cells}
          grid="grid-cols-[1fr_7rem_5rem] md:grid-cols-[1fr_7rem_7rem_8rem_6rem]"
          height={40}
          tall="max-h-[70dvh]"
          empty={
            <Empty icon={Activity} title={search.status ? `No run is ${search.status}` : search.workflow ? 'It has not run here yet' : 'No runs yet'}>
              {search.status || search.workflow ? 'Choose another status or workflow.' : 'Open a workflow and run it, or call one of its webhooks. What happens shows up here at once.'}
            </Empty>
          }
        />
      </Card>
    </Page>
  );
}
