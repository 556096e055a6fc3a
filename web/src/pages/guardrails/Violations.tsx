import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ShieldCheck } from 'lucide-react';
import { useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { useLive } from '../../lib/live';
import { ago, at } from '../../lib/time';
import { useWorkflowNames } from '../../lib/workflows';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Columns, daysFrom } from '../../ui/chart';
import { Select } from '../../ui/field';
import { Card } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton, type Tone } from '../../ui/state';
import { Table } from '../../ui/table';
import { ENFORCEMENTS, kindName } from './kinds';

const TONES: Record<string, Tone> = { critical: 'bad', high: 'bad', medium: 'warn', low: 'idle' };

/** What was found here: by day, and one by one. */
export function Violations() {
  const { path } = useScope();
  const keys = useKeys();
  const workflow = useWorkflowNames();
  const [days, setDays] = useState(30);
  const [name, setName] = useState('');
  const activity = useQuery({ queryKey: keys.of('violations', 'days', days), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/guardrails/activity', { params: { path, query: { days } } })) });
  const list = useInfiniteQuery({
    queryKey: keys.of('violations', 'list', name),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => body(api.GET('/api/v1/teams/{team}/{environment}/guardrails/violations', { params: { path, query: { limit: 50, ...(name ? { name } : {}), ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  useLive((event) => {
    if (event.kind.endsWith('_violation')) void keys.stale('violations');
  });
  const counted = (activity.data?.days ?? []).filter((one) => !name || one.name === name);
  const labels = activity.data ? daysFrom(activity.data.from, days) : [];
  const series = ENFORCEMENTS.map(([id, word, fill]) => {
    const byDay = new Map<string, number>();
    for (const one of counted) if (one.enforcement === id) byDay.set(one.day, (byDay.get(one.day) ?? 0) + one.found);
    return { name: word, fill, values: labels.map((day) => byDay.get(day) ?? 0) };
  });
  const names = [...new Set((activity.data?.days ?? []).map((one) => one.name))].sort();
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <Card
        title="Found over time"
        actions={
          <div className="flex flex-wrap gap-2">
            <Select bare label="Found by" value={name} onChange={(event) => setName(event.target.value)}>
              <option value="">Every check, rule and policy</option>
              {names.map((one) => (
                <option key={one} value={one}>{kindName(one)}</option>
              ))}
            </Select>
            <Select bare label="How far back" value={days} onChange={(event) => setDays(Number(event.target.value))}>
              {[7, 30, 90].map((one) => (
                <option key={one} value={one}>{one} days</option>
              ))}
            </Select>
          </div>
        }
      >
        {activity.isPending ? <Skeleton rows={4} /> : activity.isError ? <Failed error={activity.error} retry={() => void activity.refetch()} /> : <Columns label={`Violations of ${days} days`} labels={labels.map((day) => day.slice(5))} series={series} />}
      </Card>
      <Card title="One by one" flush>
        {list.isPending ? (
          <Skeleton rows={5} />
        ) : list.isError ? (
          <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div>
        ) : rows.length === 0 ? (
          <Empty icon={ShieldCheck} title="Nothing was found">{name ? 'Nothing that this check, rule or policy looks for. Choose another.' : 'A GUARDRAIL node before and after each model keeps watch. What it finds stands here, without the text it was found in.'}</Empty>
        ) : (
          <Table<Schemas['GuardrailViolation']>
            label="Violations"
            rows={rows}
            id={(row) => row.id}
            columns={[
              { key: 'what', title: 'What', cell: (row) => <Why row={row} /> },
              { key: 'severity', title: 'Severity', cell: (row) => <Badge tone={TONES[row.severity] ?? 'idle'}>{row.severity}</Badge> },
              { key: 'done', title: 'Done', cell: (row) => ENFORCEMENTS.find(([id]) => id === row.enforcement)?.[1] ?? row.enforcement },
              { key: 'where', title: 'Where', wide: true, cell: (row) => (row.run ? <Link className="text-accent underline" to="/t/$team/$environment/runs/$run" params={{ ...path, run: row.run }}>{row.workflow ? workflow(row.workflow) : 'the run'}{row.node ? ` · ${row.node}` : ''}</Link> : (row.workflow ? workflow(row.workflow) : '–')) },
              { key: 'at', title: 'When', wide: true, cell: (row) => <span title={at(row.at)} className="whitespace-nowrap">{ago(row.at)}</span> },
            ]}
          />
        )}
        {list.hasNextPage ? (
          <div className="border-t border-line p-3 text-center">
            <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</Button>
          </div>
        ) : null}
      </Card>
    </>
  );
}

function Why({ row }: { row: Schemas['GuardrailViolation'] }) {
  const detail = row.detail as { why?: string; message?: string; family?: string; count?: number } | null;
  return (
    <span className="block min-w-44">
      <span className="font-medium">{kindName(row.name)}</span>
      {detail?.family && detail.family !== row.name ? <span className="text-soft"> · {detail.family.replaceAll('_', ' ')}</span> : null}
      {detail?.count && detail.count > 1 ? <span className="text-soft"> · {detail.count} places</span> : null}
      <span className="block text-xs text-soft">{detail?.why ?? detail?.message ?? ''}</span>
    </span>
  );
}
