import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Activity, Radio } from 'lucide-react';
import { useEffect, useMemo, useRef } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { useLive } from '../../lib/live';
import { LONG } from '../../lib/long';
import { ago, at, took } from '../../lib/time';
import { useWorkflowNames } from '../../lib/workflows';
import { useKeys, useScope } from '../../session';
import { Select } from '../../ui/field';
import { Card, Page } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton, Status } from '../../ui/state';

const STATES = ['queued', 'running', 'waiting', 'paused', 'succeeded', 'failed', 'blocked', 'cancelled'] as const;
const ROW = 40;
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
  const name = useWorkflowNames();
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

  const pages = list.data?.pages;
  const rows = useMemo(() => pages?.flatMap((one) => one.items) ?? [], [pages]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12 });
  const last = virtual.getVirtualItems().at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (last >= rows.length - 20 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

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
        {list.isPending ? (
          <Skeleton rows={10} />
        ) : list.isError ? (
          <div className="p-4">
            <Failed error={list.error} retry={() => void list.refetch()} />
          </div>
        ) : rows.length === 0 ? (
          <Empty icon={Activity} title={search.status ? `No run is ${search.status}` : 'No runs yet'}>
            {search.status ? 'Choose another status.' : 'Open a workflow and run it, or call one of its webhooks. What happens shows up here at once.'}
          </Empty>
        ) : (
          <div role="table" aria-label="Runs" aria-rowcount={rows.length} className="text-[13px]">
            <div role="rowgroup">
              <div role="row" className="grid grid-cols-[1fr_7rem_5rem] gap-3 border-b border-line px-4 py-2 text-xs font-medium text-faint md:grid-cols-[1fr_7rem_7rem_8rem_6rem]">
                <span role="columnheader">Workflow</span>
                <span role="columnheader">Status</span>
                <span role="columnheader" className="max-md:hidden">Started by</span>
                <span role="columnheader" className="max-md:hidden">When</span>
                <span role="columnheader">Took</span>
              </div>
            </div>
            <div ref={scroller} role="rowgroup" tabIndex={0} aria-label="Runs, newest first" className="max-h-[70dvh] overflow-y-auto">
              <div className="relative" style={{ height: virtual.getTotalSize() }}>
                {virtual.getVirtualItems().map((item) => {
                  const run = rows[item.index];
                  if (!run) return null;
                  return (
                    <div key={run.id} role="row" aria-rowindex={item.index + 1} className="absolute inset-x-0 grid grid-cols-[1fr_7rem_5rem] items-center gap-3 border-b border-line px-4 hover:bg-raised/60 md:grid-cols-[1fr_7rem_7rem_8rem_6rem]" style={{ height: ROW, transform: `translateY(${item.start}px)` }}>
                      <span role="cell" className="min-w-0 truncate">
                        <Link to="/t/$team/$environment/runs/$run" params={{ ...path, run: run.id }} className="font-medium hover:underline">
                          {name(run.workflow)}
                        </Link>
                      </span>
                      <span role="cell"><Status of={run.status} /></span>
                      <span role="cell" className="text-soft max-md:hidden">{run.trigger}</span>
                      <span role="cell" className="text-soft max-md:hidden" title={at(run.created_at)}>{ago(run.created_at)}</span>
                      <span role="cell" className="text-soft tabular-nums">{took(run.duration_ms)}</span>
                    </div>
                  );
                })}
              </div>
            </div>
          </div>
        )}
      </Card>
    </Page>
  );
}
