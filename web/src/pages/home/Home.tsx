import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Activity, CircleDollarSign, CircleX, Play, ShieldAlert } from 'lucide-react';
import { useRef } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { useLive } from '../../lib/live';
import { cost, many } from '../../lib/money';
import { ago, took } from '../../lib/time';
import { useWorkflowNames } from '../../lib/workflows';
import { useKeys, useScope } from '../../session';
import { Card, Page } from '../../ui/page';
import { Empty, Failed, Skeleton, Status } from '../../ui/state';
import { readUsage, spent } from '../usage/usage';

const COUNTED = 200;

/** What runs, what fails, what was blocked; as it happens. */
export default function Home() {
  const { path, environment, may } = useScope();
  const billing = may('billing.manage');
  const keys = useKeys();
  const name = useWorkflowNames();
  const at = (status?: 'running' | 'failed' | 'blocked', limit = COUNTED) => body(api.GET('/api/v1/teams/{team}/{environment}/runs', { params: { path, query: { limit, ...(status ? { status } : {}) } } }));
  const overview = useQuery({
    queryKey: keys.of('runs', 'overview'),
    queryFn: async () => {
      const [recent, running, failed, blocked] = await Promise.all([at(undefined), at('running'), at('failed'), at('blocked')]);
      return { recent, running, failed, blocked };
    },
  });
  const approvals = useQuery({ queryKey: keys.of('approvals'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/approvals', { params: { path, query: { limit: 50 } } })) });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useLive(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      void overview.refetch();
      void approvals.refetch();
    }, 500);
  });
  if (overview.isPending) return <Skeleton rows={10} />;
  if (overview.isError) return <div className="p-6"><Failed error={overview.error} retry={() => void overview.refetch()} /></div>;
  const { recent, running, failed, blocked } = overview.data;
  const day = Date.now() - 86_400_000;
  const today = (page: { items: Schemas['RunSummary'][]; next?: string | null }) => {
    const count = page.items.filter((run) => new Date(run.created_at).getTime() > day).length;
    return count === COUNTED && page.next ? `${COUNTED}+` : String(count);
  };
  const waiting = approvals.data?.items.filter((one) => one.status === 'pending') ?? [];
  return (
    <Page title="Home" lead={`What happens in ${environment}, live.`}>
      <dl className={`grid grid-cols-2 gap-3 ${billing ? 'lg:grid-cols-5' : 'lg:grid-cols-4'}`}>
        <Figure icon={Play} title="Running now" value={running.next ? `${COUNTED}+` : String(running.items.length)} status="running" />
        <Figure icon={Activity} title="Runs, last 24 hours" value={today(recent)} />
        <Figure icon={CircleX} title="Failed, last 24 hours" value={today(failed)} status="failed" />
        <Figure icon={ShieldAlert} title="Blocked, last 24 hours" value={today(blocked)} status="blocked" />
        {billing ? <Cost /> : null}
      </dl>
      {waiting.length > 0 ? (
        <Link to="/t/$team/$environment/approvals" params={path} className="rounded-lg border border-warn/40 bg-warn-wash px-4 py-3 text-[13px] font-medium text-warn">
          {waiting.length} {waiting.length === 1 ? 'run waits' : 'runs wait'} for a decision →
        </Link>
      ) : null}
      <div className="grid gap-4 lg:grid-cols-2">
        <RunList title="Latest runs" runs={recent.items.slice(0, 10)} name={name} empty="Nothing has run here yet. Open a workflow and run it, or call one of its webhooks." />
        <RunList title="Needs a look" runs={[...failed.items, ...blocked.items].sort((a, b) => b.created_at.localeCompare(a.created_at)).slice(0, 10)} name={name} empty="Nothing failed and nothing was blocked. Good." />
      </div>
    </Page>
  );
}

/** What today has cost so far. */
function Cost() {
  const { path } = useScope();
  const keys = useKeys();
  const today = new Date().toISOString().slice(0, 10);
  const usage = useQuery({ queryKey: keys.of('usage', 'day', today, today), refetchInterval: 60_000, queryFn: () => readUsage(path, 'day', today, today) });
  const total = usage.data?.total;
  return (
    <div className="rounded-lg border border-line bg-panel px-4 py-3">
      <dt className="flex items-center gap-1.5 text-xs text-soft">
        <CircleDollarSign size={14} aria-hidden /> Cost, today (UTC)
      </dt>
      <dd className="mt-1 text-2xl font-semibold tabular-nums">
        <Link to="/t/$team/$environment/usage" params={path} className="hover:underline">
          {total ? cost(spent(total)) : '–'}
        </Link>
      </dd>
      {total ? <dd className="text-xs text-soft">{many(total.input_tokens + total.output_tokens)} tokens</dd> : null}
    </div>
  );
}

function Figure({ icon: Icon, title, value, status }: { icon: typeof Play; title: string; value: string; status?: string }) {
  const { path } = useScope();
  return (
    <div className="rounded-lg border border-line bg-panel px-4 py-3">
      <dt className="flex items-center gap-1.5 text-xs text-soft">
        <Icon size={14} aria-hidden /> {title}
      </dt>
      <dd className="mt-1 text-2xl font-semibold tabular-nums">
        {status ? (
          <Link to="/t/$team/$environment/runs" params={path} search={{ status } as never} className="hover:underline">
            {value}
          </Link>
        ) : (
          value
        )}
      </dd>
    </div>
  );
}

function RunList({ title, runs, name, empty }: { title: string; runs: Schemas['RunSummary'][]; name: (id: string) => string; empty: string }) {
  const { path } = useScope();
  return (
    <Card title={title} flush>
      {runs.length === 0 ? (
        <Empty icon={Activity} title="Nothing here">{empty}</Empty>
      ) : (
        <ul>
          {runs.map((run) => (
            <li key={run.id} className="flex items-center gap-3 border-b border-line px-4 py-2 text-[13px] last:border-0">
              <Link to="/t/$team/$environment/runs/$run" params={{ ...path, run: run.id }} className="min-w-0 flex-1 truncate font-medium hover:underline">
                {name(run.workflow)}
              </Link>
              <Status of={run.status} />
              <span className="w-16 text-right text-xs text-faint tabular-nums">{took(run.duration_ms)}</span>
              <span className="w-20 text-right text-xs text-faint max-sm:hidden">{ago(run.created_at)}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
