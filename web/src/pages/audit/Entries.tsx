import { useInfiniteQuery } from '@tanstack/react-query';
import { ScrollText } from 'lucide-react';
import { useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { LONG } from '../../lib/long';
import { at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Select, TextField } from '../../ui/field';
import { Card } from '../../ui/page';
import { type Cell, Rows } from '../../ui/rows';
import { Empty, Status } from '../../ui/state';
import { Entry } from './Entry';

const RESULTS = ['intent', 'succeeded', 'refused', 'failed', 'blocked'] as const;
export type Filter = { operation?: string; target?: string; result?: (typeof RESULTS)[number]; person?: string; from?: string; until?: string };

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
  const cells: Cell<Schemas['AuditEntry']>[] = [
    { title: 'When', wide: true, className: 'text-soft', cell: (entry) => at(entry.at) },
    { title: 'Operation', className: 'truncate', cell: (entry) => <button type="button" className="font-medium hover:underline" onClick={() => setChosen(entry)}>{entry.operation}</button> },
    { title: 'Target', wide: true, className: 'truncate font-mono text-xs text-soft', cell: (entry) => entry.target ?? '–' },
    { title: 'Who', wide: true, className: 'truncate font-mono text-xs text-soft', cell: whoIs },
    { title: 'Result', cell: (entry) => <Status of={entry.result} /> },
  ];
  const set = (part: Filter) => setFilter((before) => Object.fromEntries(Object.entries({ ...before, ...part }).filter(([, value]) => value)) as Filter);
  return (
    <>
      <Card flush>
        <form className="grid gap-3 border-b border-line p-4 sm:grid-cols-2 lg:grid-cols-6" onSubmit={(event) => event.preventDefault()}>
          <TextField label="Operation" placeholder="workflow.publish" onBlur={(event) => set({ operation: event.target.value })} onKeyDown={(event) => event.key === 'Enter' && set({ operation: event.currentTarget.value })} />
          <TextField label="Target" placeholder="wf_…" onBlur={(event) => set({ target: event.target.value })} onKeyDown={(event) => event.key === 'Enter' && set({ target: event.currentTarget.value })} />
          <TextField label="Person or key" placeholder="user_…" onBlur={(event) => set({ person: event.target.value })} onKeyDown={(event) => event.key === 'Enter' && set({ person: event.currentTarget.value })} />
          <Select label="Result" onChange={(event) => set({ result: event.target.value as (typeof RESULTS)[number] })}>
            <option value="">Any</option>
            {RESULTS.map((one) => <option key={one}>{one}</option>)}
          </Select>
          <TextField label="Since" type="date" onChange={(event) => set({ from: event.target.value ? `${event.target.value}T00:00:00Z` : '' })} />
          <TextField label="Before" type="date" onChange={(event) => set({ until: event.target.value ? `${event.target.value}T00:00:00Z` : '' })} />
        </form>
        <Rows
          label="Audit entries"
          order="Entries, newest first"
          list={list}
          id={(entry) => entry.id}
          cells={cells}
          grid="grid-cols-[1fr_6rem] md:grid-cols-[11rem_1fr_1fr_1fr_6rem]"
          height={38}
          tall="max-h-[60dvh]"
          empty={<Empty icon={ScrollText} title="No entry fits">Take a filter away.</Empty>}
        />
      </Card>
      {chosen ? <Entry entry={chosen} close={() => setChosen(null)} /> : null}
    </>
  );
}
