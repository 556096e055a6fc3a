import { useQuery } from '@tanstack/react-query';
import { ChartColumn, Download } from 'lucide-react';
import { useState } from 'react';
import { cost, many } from '../../lib/money';
import { useKeys, useScope } from '../../session';
import { Columns, daysFrom } from '../../ui/chart';
import { Select, TextField } from '../../ui/field';
import { Card, Page } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton } from '../../ui/state';
import { PageTabs } from '../../ui/tabs';
import { Table } from '../../ui/table';
import { Limits } from './Limits';
import { Prices } from './Prices';
import { type By, csvAddress, readUsage, spent, type UsageRow } from './usage';

const METRICS = [
  ['runs', 'Runs'],
  ['tokens', 'Tokens'],
  ['cost', 'Cost'],
] as const;
type Metric = (typeof METRICS)[number][0];
const iso = (date: Date) => date.toISOString().slice(0, 10);
const back = (days: number) => iso(new Date(Date.now() - (days - 1) * 86_400_000));

/** Runs, tokens and cost of this environment, its prices, and how much of the month is used (R053). */
export default function Usage() {
  const { path, may, refused, environment } = useScope();
  const keys = useKeys();
  const [from, setFrom] = useState(back(30));
  const [to, setTo] = useState(iso(new Date()));
  const [metric, setMetric] = useState<Metric>('cost');
  const allowed = may('billing.manage');
  const days = useQuery({ queryKey: keys.of('usage', 'day', from, to), enabled: allowed && from <= to, queryFn: () => readUsage(path, 'day', from, to) });
  if (!allowed) {
    return (
      <Page title="Usage">
        <Card><Empty icon={ChartColumn} title="Not for your role">{refused('billing.manage')}</Empty></Card>
      </Page>
    );
  }
  const labels = daysFrom(from, Math.max(1, Math.round((new Date(to).getTime() - new Date(from).getTime()) / 86_400_000) + 1));
  const byDay = new Map(days.data?.rows.map((row) => [row.key, row]));
  const values = (pick: (row: UsageRow) => number) => labels.map((day) => { const row = byDay.get(day); return row ? pick(row) : 0; });
  const series =
    metric === 'runs'
      ? [{ name: 'succeeded or under way', fill: 'fill-good', values: values((row) => row.runs - (row.failed ?? 0)) }, { name: 'failed', fill: 'fill-bad', values: values((row) => row.failed ?? 0) }]
      : metric === 'tokens'
        ? [{ name: 'input', fill: 'fill-accent', values: values((row) => row.input_tokens) }, { name: 'output', fill: 'fill-busy', values: values((row) => row.output_tokens) }]
        : [{ name: 'cost', fill: 'fill-accent', values: values((row) => row.cost_micros) }];
  const preset = (value: string) => {
    setFrom(value === 'month' ? `${iso(new Date()).slice(0, 8)}01` : back(Number(value)));
    setTo(iso(new Date()));
  };
  const total = days.data?.total;
  return (
    <Page
      title="Usage"
      lead={`What ran in ${environment} and what it cost, at the prices that are set now. Days are in UTC.`}
      actions={
        <div className="flex flex-wrap items-end gap-2">
          <Select bare label="Period" defaultValue="30" onChange={(event) => preset(event.target.value)}>
            <option value="7">7 days</option>
            <option value="30">30 days</option>
            <option value="month">This month</option>
            <option value="90">90 days</option>
            <option value="365">A year</option>
          </Select>
          <TextField bare label="From" type="date" value={from} max={to} onChange={(event) => event.target.value && setFrom(event.target.value)} />
          <TextField bare label="To" type="date" value={to} min={from} onChange={(event) => event.target.value && setTo(event.target.value)} />
        </div>
      }
    >
      <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Figure name="Runs" value={total ? many(total.runs) : '–'} />
        <Figure name="Failed" value={total ? many(total.failed ?? 0) : '–'} />
        <Figure name="Tokens, in and out" value={total ? `${many(total.input_tokens)} + ${many(total.output_tokens)}` : '–'} />
        <Figure name="Cost" value={total ? cost(spent(total)) : '–'} hint={total && total.unpriced_tokens > 0 ? `and ${many(total.unpriced_tokens)} tokens of models without a price` : undefined} />
      </dl>
      <Card title="By day" actions={<Select bare label="What to show" value={metric} onChange={(event) => setMetric(event.target.value as Metric)}>{METRICS.map(([id, name]) => <option key={id} value={id}>{name}</option>)}</Select>}>
        {days.isPending ? <Skeleton rows={4} /> : days.isError ? <Failed error={days.error} retry={() => void days.refetch()} /> : <Columns label={`${METRICS.find(([id]) => id === metric)?.[1]} by day`} labels={labels.map((day) => day.slice(5))} series={series} format={metric === 'cost' ? cost : many} least={metric === 'cost' ? 100_000 : 4} />}
      </Card>
      <PageTabs
        label="Usage by"
        parts={[
          { id: 'workflow', name: 'By workflow', content: () => <Breakdown by="workflow" from={from} to={to} /> },
          { id: 'model', name: 'By model', content: () => <Breakdown by="model" from={from} to={to} /> },
          { id: 'principal', name: 'By principal', content: () => <Breakdown by="principal" from={from} to={to} /> },
          { id: 'day', name: 'Day by day', content: () => <Breakdown by="day" from={from} to={to} /> },
        ]}
      />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Limits />
        <Prices />
      </div>
    </Page>
  );
}

function Figure({ name, value, hint }: { name: string; value: string; hint?: string | undefined }) {
  return (
    <div className="rounded-lg border border-line bg-panel px-4 py-3">
      <dt className="text-xs text-soft">{name}</dt>
      <dd className="mt-1 text-xl font-semibold break-words tabular-nums sm:text-2xl">{value}</dd>
      {hint ? <dd className="text-xs text-soft">{hint}</dd> : null}
    </div>
  );
}

const TITLES: Record<By, string> = { day: 'Day', workflow: 'Workflow', model: 'Model', principal: 'Principal' };

function Breakdown({ by, from, to }: { by: By; from: string; to: string }) {
  const { path } = useScope();
  const keys = useKeys();
  const usage = useQuery({ queryKey: keys.of('usage', by, from, to), enabled: from <= to, queryFn: () => readUsage(path, by, from, to) });
  const rows = usage.data?.rows ?? [];
  const most = Math.max(1, ...rows.map((row) => row.cost_micros));
  const number = 'text-right tabular-nums whitespace-nowrap';
  return (
    <Card
      title={`By ${by}`}
      flush
      actions={
        <a href={csvAddress(path, by, from, to)} download className="flex h-8 items-center gap-1.5 rounded-md border border-strong/50 px-3 text-[13px] font-medium hover:bg-raised">
          <Download size={14} aria-hidden /> CSV
        </a>
      }
    >
      {usage.isPending ? <Skeleton rows={4} /> : usage.isError ? <div className="p-4"><Failed error={usage.error} retry={() => void usage.refetch()} /></div> : rows.length === 0 ? (
        <Empty icon={ChartColumn} title="Nothing was used in this time">Choose a longer one. Every run counts here, and every call of a model with its tokens.</Empty>
      ) : (
        <Table<UsageRow>
          label={`Usage by ${by}`}
          rows={rows}
          id={(row) => row.key}
          columns={[
            { key: 'label', title: TITLES[by], cell: (row) => <span className="font-medium break-words">{row.label || row.key}</span> },
            { key: 'runs', title: 'Runs', className: number, cell: (row) => <>{row.runs.toLocaleString()}{row.failed ? <span className="block text-xs text-bad">{row.failed.toLocaleString()} failed</span> : null}</> },
            { key: 'in', title: 'Input tokens', wide: true, className: number, cell: (row) => row.input_tokens.toLocaleString() },
            { key: 'out', title: 'Output tokens', wide: true, className: number, cell: (row) => row.output_tokens.toLocaleString() },
            {
              key: 'cost',
              title: 'Cost',
              className: number,
              cell: (row) => (
                <>
                  {spent(row) === null ? <Badge tone="warn">no price known</Badge> : row.input_tokens + row.output_tokens === 0 ? <span className="text-faint">–</span> : cost(row.cost_micros)}
                  {row.cost_micros > 0 && row.unpriced_tokens > 0 ? <span className="block text-xs text-warn">and {many(row.unpriced_tokens)} tokens without a price</span> : null}
                  {row.cost_micros > 0 ? <span aria-hidden className="mt-1 ml-auto block h-1 rounded bg-accent" style={{ width: `${Math.max(2, (row.cost_micros / most) * 100)}%` }} /> : null}
                </>
              ),
            },
          ]}
        />
      )}
    </Card>
  );
}
