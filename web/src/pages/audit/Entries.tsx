import { useInfiniteQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ScrollText } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { LONG } from '../../lib/long';
import { at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Select, TextField } from '../../ui/field';
import { Card } from '../../ui/page';
import { Empty, Failed, Skeleton, Status } from '../../ui/state';
import { Entry } from './Entry';

const RESULTS = ['intent', 'succeeded', 'refused', 'failed', 'blocked'] as const;
export type Filter = { operation?: string; target?: string; result?: (typeof RESULTS)[number]; person?: string; from?: string; until?: string };
const ROW = 38;

/** Who did it, in one word: the principal's id, or its kind where it has none. */
function whoIs(entry: Schemas['AuditEntry']): string {
  const who = (entry.subject as { principal?: string | { id?: string; kind?: string } } | null)?.principal;
  if (!who) return 'erased';
  return typeof who === 'string' ? who : (who.id ?? who.kind ?? '–');
}

/** The trail, newest first, however long it is: only what is in sight is in the page. */
export function Entries({ filter, setFilter }: { filter: Filter; setFilter: (change: (before: Filter) => Filter) => void }) {
  const { path } = useScope();
  const keys = useKeys();
  const [chosen, setChosen] = useState<Schemas['AuditEntry'] | null>(null);
  const list = useInfiniteQuery({
    queryKey: keys.of('audit', filter),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => body(api.GET('/api/v1/teams/{team}/{environment}/audit', { params: { path, query: { ...filter, limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
    ...LONG,
  });
  const pages = list.data?.pages;
  const rows = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12 });
  const last = virtual.getVirtualItems().at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (last >= rows.length - 20 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  const set = (part: Filter) => setFilter((before) => Object.fromEntries(Object.entries({ ...before, ...part }).filter(([, value]) => value)) as Filter);
  return (
    <>
      <Card flush>
        <form className="grid gap-3 border-b border-line p-4 sm:grid-cols-2 lg:grid-cols-5" onSubmit={(event) => event.preventDefault()}>
          <TextField label="Operation" placeholder="workflow.publish" onBlur={(event) => set({ operation: event.target.value })} onKeyDown={(event) => event.key === 'Enter' && set({ operation: event.currentTarget.value })} />
          <TextField label="Target" placeholder="wf_…" onBlur={(event) => set({ target: event.target.value })} onKeyDown={(event) => event.key === 'Enter' && set({ target: event.currentTarget.value })} />
          <TextField label="Person or key" placeholder="user_…" onBlur={(event) => set({ person: event.target.value })} onKeyDown={(event) => event.key === 'Enter' && set({ person: event.currentTarget.value })} />
          <Select label="Result" onChange={(event) => set({ result: event.target.value as (typeof RESULTS)[number] })}>
            <option value="">Any</option>
            {RESULTS.map((one) => <option key={one}>{one}</option>)}
          </Select>
          <TextField label="Since" type="date" onChange={(event) => set({ from: event.target.value ? `${event.target.value}T00:00:00Z` : '' })} />
        </form>
        {list.isPending ? (
          <Skeleton rows={10} />
        ) : list.isError ? (
          <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div>
        ) : rows.length === 0 ? (
          <Empty icon={ScrollText} title="No entry fits">Take a filter away.</Empty>
        ) : (
          <div role="table" aria-label="Audit entries" aria-rowcount={rows.length} className="text-[13px]">
            <div role="rowgroup">
              <div role="row" className="grid grid-cols-[1fr_6rem] gap-3 border-b border-line px-4 py-2 text-xs font-medium text-faint md:grid-cols-[11rem_1fr_1fr_1fr_6rem]">
                <span role="columnheader" className="max-md:hidden">When</span>
                <span role="columnheader">Operation</span>
                <span role="columnheader" className="max-md:hidden">Target</span>
                <span role="columnheader" className="max-md:hidden">Who</span>
                <span role="columnheader">Result</span>
              </div>
            </div>
            <div ref={scroller} role="rowgroup" tabIndex={0} aria-label="Entries, newest first" className="max-h-[60dvh] overflow-y-auto">
              <div className="relative" style={{ height: virtual.getTotalSize() }}>
                {virtual.getVirtualItems().map((item) => {
                  const entry = rows[item.index];
                  if (!entry) return null;
                  const who = whoIs(entry);
                  return (
                    <div key={entry.id} role="row" aria-rowindex={item.index + 1} className="absolute inset-x-0 grid grid-cols-[1fr_6rem] items-center gap-3 border-b border-line px-4 hover:bg-raised/60 md:grid-cols-[11rem_1fr_1fr_1fr_6rem]" style={{ height: ROW, transform: `translateY(${item.start}px)` }}>
                      <span role="cell" className="text-soft max-md:hidden">{at(entry.at)}</span>
                      <span role="cell" className="min-w-0 truncate">
                        <button type="button" className="font-medium hover:underline" onClick={() => setChosen(entry)}>{entry.operation}</button>
                      </span>
                      <span role="cell" className="truncate font-mono text-xs text-soft max-md:hidden">{entry.target ?? '–'}</span>
                      <span role="cell" className="truncate font-mono text-xs text-soft max-md:hidden">{who}</span>
                      <span role="cell"><Status of={entry.result} /></span>
                    </div>
                  );
                })}
              </div>
            </div>
          </div>
        )}
      </Card>
      {chosen ? <Entry entry={chosen} close={() => setChosen(null)} /> : null}
    </>
  );
}
