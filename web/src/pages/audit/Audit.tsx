import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { BadgeCheck, Download, ScrollText, ShieldX } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextField } from '../../ui/field';
import { Json } from '../../ui/json';
import { Card, Page } from '../../ui/page';
import { Empty, Failed, Skeleton, Status } from '../../ui/state';
import { sayError } from '../../ui/toast';
import { Siem } from './Siem';

type Filter = { operation?: string; target?: string; result?: string; person?: string; from?: string; until?: string };
const ROW = 38;

export default function Audit() {
  const { path, may, refused, team, environment } = useScope();
  const keys = useKeys();
  const [filter, setFilter] = useState<Filter>({});
  const [chosen, setChosen] = useState<Schemas['AuditEntry'] | null>(null);
  const list = useInfiniteQuery({
    queryKey: keys.of('audit', filter),
    enabled: may('audit.view'),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => body(api.GET('/api/v1/teams/{team}/{environment}/audit', { params: { path, query: { ...filter, limit: '100', ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const verify = useMutation({ mutationFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/audit/verification', { params: { path } })), onError: sayError });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12 });
  const last = virtual.getVirtualItems().at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (last >= rows.length - 20 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  const set = (part: Filter) => setFilter((before) => Object.fromEntries(Object.entries({ ...before, ...part }).filter(([, value]) => value)) as Filter);
  if (!may('audit.view')) {
    return (
      <Page title="Audit">
        <Card><Empty icon={ScrollText} title="Not for your role">{refused('audit.view')}</Empty></Card>
      </Page>
    );
  }
  const download = (format: string) => {
    const query = new URLSearchParams({ format, ...(format === 'bundle' ? {} : filter) });
    window.location.assign(`/api/v1/teams/${team}/${environment}/audit/export?${query}`);
  };
  return (
    <Page
      title="Audit"
      lead="Every change and every sensitive read, in a chain that an outsider can check."
      actions={
        <>
          <Select bare label="Export as" value="" onChange={(event) => event.target.value && download(event.target.value)} disabled={!may('data.export')}>
            <option value="">Export…</option>
            <option value="bundle">Bundle with proof</option>
            <option value="jsonl">JSON lines</option>
            <option value="csv">CSV</option>
            <option value="ocsf">OCSF</option>
          </Select>
          <Button look="primary" icon={<BadgeCheck size={14} aria-hidden />} busy={verify.isPending} onClick={() => verify.mutate()}>
            {verify.isPending ? 'Verifying…' : 'Verify'}
          </Button>
        </>
      }
    >
      {verify.data ? (
        <div role="status" className={`flex items-center gap-2 rounded-lg border px-4 py-3 text-[13px] ${verify.data.intact ? 'border-good/40 bg-good-wash text-good' : 'border-bad/40 bg-bad-wash text-bad'}`}>
          {verify.data.intact ? <BadgeCheck size={16} aria-hidden /> : <ShieldX size={16} aria-hidden />}
          {verify.data.intact
            ? `Intact: ${verify.data.chains.reduce((sum, chain) => sum + chain.entries, 0).toLocaleString()} entries in ${verify.data.chains.length} chains, ${verify.data.checkpoints} signed checkpoints.`
            : `Tampered with. First bad: ${verify.data.chains.find((chain) => chain.first_bad)?.first_bad ?? verify.data.bad_checkpoint ?? 'a checkpoint'}.`}
        </div>
      ) : null}
      <Card flush>
        <form className="grid gap-3 border-b border-line p-4 sm:grid-cols-2 lg:grid-cols-5" onSubmit={(event) => event.preventDefault()}>
          <TextField label="Operation" placeholder="workflow.publish" onBlur={(event) => set({ operation: event.target.value })} onKeyDown={(event) => event.key === 'Enter' && set({ operation: event.currentTarget.value })} />
          <TextField label="Target" placeholder="wf_…" onBlur={(event) => set({ target: event.target.value })} onKeyDown={(event) => event.key === 'Enter' && set({ target: event.currentTarget.value })} />
          <TextField label="Person or key" placeholder="user_…" onBlur={(event) => set({ person: event.target.value })} onKeyDown={(event) => event.key === 'Enter' && set({ person: event.currentTarget.value })} />
          <Select label="Result" onChange={(event) => set({ result: event.target.value })}>
            <option value="">Any</option>
            {['intent', 'succeeded', 'refused', 'failed', 'blocked'].map((one) => <option key={one}>{one}</option>)}
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
                  const who = (entry.subject as { principal?: unknown } | null)?.principal;
                  return (
                    <div key={entry.id} role="row" aria-rowindex={item.index + 1} className="absolute inset-x-0 grid grid-cols-[1fr_6rem] items-center gap-3 border-b border-line px-4 hover:bg-raised/60 md:grid-cols-[11rem_1fr_1fr_1fr_6rem]" style={{ height: ROW, transform: `translateY(${item.start}px)` }}>
                      <span role="cell" className="text-soft max-md:hidden">{at(entry.at)}</span>
                      <span role="cell" className="min-w-0 truncate">
                        <button type="button" className="font-medium hover:underline" onClick={() => setChosen(entry)}>{entry.operation}</button>
                      </span>
                      <span role="cell" className="truncate font-mono text-xs text-soft max-md:hidden">{entry.target ?? '–'}</span>
                      <span role="cell" className="truncate font-mono text-xs text-soft max-md:hidden">{typeof who === 'string' ? who : who ? JSON.stringify(who) : 'erased'}</span>
                      <span role="cell"><Status of={entry.result} /></span>
                    </div>
                  );
                })}
              </div>
            </div>
          </div>
        )}
      </Card>
      {may('settings.siem') ? <Siem /> : null}
      {chosen ? <Entry entry={chosen} close={() => setChosen(null)} /> : null}
    </Page>
  );
}

function Entry({ entry, close }: { entry: Schemas['AuditEntry']; close: () => void }) {
  const { path } = useScope();
  const prove = useMutation({ mutationFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/audit/proof', { params: { path, query: { entry: entry.id } } })), onError: sayError });
  const save = () => {
    const url = URL.createObjectURL(new Blob([JSON.stringify(prove.data, null, 2)], { type: 'application/json' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = `${entry.id}.proof.json`;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <Dialog open wide title={`${entry.operation}, number ${entry.sequence}`} onClose={close}>
      <div className="flex flex-col gap-3">
        <Json label="Entry" value={entry} />
        <div className="flex flex-wrap gap-2">
          <Button icon={<BadgeCheck size={14} aria-hidden />} busy={prove.isPending} onClick={() => prove.mutate()}>Show its proof</Button>
          {prove.data ? <Button icon={<Download size={14} aria-hidden />} onClick={save}>Save the proof</Button> : null}
        </div>
        {prove.data ? (
          <>
            <p className="text-xs text-soft">The proof ties this entry to a signed checkpoint. Check it anywhere with <code>nodeloom audit verify --proof FILE --public-key KEY</code>.</p>
            <Json label="Proof" value={prove.data} />
          </>
        ) : null}
      </div>
    </Dialog>
  );
}
