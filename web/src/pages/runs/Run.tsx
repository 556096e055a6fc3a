import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { Pause, Play, RotateCcw, Square } from 'lucide-react';
import { useRef, useState } from 'react';
import { api, body } from '../../api/client';
import { useLive } from '../../lib/live';
import { cost, many } from '../../lib/money';
import { ago, at, took } from '../../lib/time';
import { useWorkflowNames } from '../../lib/workflows';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Findings } from '../../ui/findings';
import { Json } from '../../ui/json';
import { Card, Page } from '../../ui/page';
import { Badge, Failed, Skeleton, Status } from '../../ui/state';
import { hasMarkup, Text } from '../../ui/text';
import { say, sayError } from '../../ui/toast';
import { type NodeLog, OVER, untilOver } from './log';
import { Places } from './Places';
import { Waterfall } from './Waterfall';

export default function Run() {
  const { path, refused } = useScope();
  const keys = useKeys();
  const navigate = useNavigate();
  const { run: id } = useParams({ strict: false }) as { run: string };
  const name = useWorkflowNames();
  const at_ = { params: { path: { ...path, run: id } } };
  const run = useQuery({ queryKey: keys.of('run', id), refetchInterval: untilOver, queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/runs/{run}', at_)) });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useLive(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void run.refetch(), 250);
  }, id);
  const act = useMutation({
    mutationFn: (what: 'cancel' | 'pause' | 'resume') => {
      switch (what) {
        case 'cancel':
          return body(api.POST('/api/v1/teams/{team}/{environment}/runs/{run}/cancel', at_));
        case 'pause':
          return body(api.POST('/api/v1/teams/{team}/{environment}/runs/{run}/pause', at_));
        case 'resume':
          return body(api.POST('/api/v1/teams/{team}/{environment}/runs/{run}/resume', at_));
      }
    },
    onSuccess: (_, what) => {
      say(what === 'cancel' ? 'The run is being stopped.' : what === 'pause' ? 'The run holds at its next step.' : 'The run goes on.');
      void run.refetch();
    },
    onError: sayError,
  });
  const retry = useMutation({
    mutationFn: () => body(api.POST('/api/v1/teams/{team}/{environment}/runs/{run}/retry', { ...at_, body: {} })),
    onSuccess: (made) => void navigate({ to: '/t/$team/$environment/runs/$run', params: { ...path, run: made.id } }),
    onError: sayError,
  });
  const [chosen, setChosen] = useState<number | null>(null);

  if (run.isPending) return <Skeleton rows={10} />;
  if (run.isError) return <div className="p-6"><Failed error={run.error} retry={() => void run.refetch()} /></div>;
  const shown = run.data as typeof run.data & { workflow: string; status: string; created_at: string; duration_ms?: number; trigger: string; version: string; cost?: { cost_micros: number; unpriced_tokens: number } };
  const nodes = (shown.nodes ?? []) as unknown as NodeLog[];
  const node = chosen === null ? nodes[Math.max(0, nodes.findIndex((one) => one.status !== 'succeeded'))] : nodes[chosen];
  const refusal = refused('workflow.execute');
  const over = OVER.includes(shown.status);
  const violations = nodes.flatMap((one) => one.findings ?? []);
  return (
    <Page
      title={name(shown.workflow)}
      lead={
        <span className="flex flex-wrap items-center gap-2">
          <Status of={shown.status} />
          <span title={at(shown.created_at)}>{ago(shown.created_at)}</span> · {shown.trigger} · {took(shown.duration_ms)} · {many(shown.usage.input_tokens + shown.usage.output_tokens)} tokens{shown.cost && shown.usage.input_tokens + shown.usage.output_tokens > 0 ? ` · ${cost(shown.cost.cost_micros === 0 && shown.cost.unpriced_tokens > 0 ? null : shown.cost.cost_micros)}` : ''}
          <code className="text-xs text-faint">{id}</code>
        </span>
      }
      actions={
        <>
          <Link to="/t/$team/$environment/workflows/$workflow" params={{ ...path, workflow: shown.workflow }} className="text-[13px] text-accent underline">
            Open the workflow
          </Link>
          {over ? (
            <Button icon={<RotateCcw size={14} aria-hidden />} refused={shown.status === 'succeeded' ? 'Only a run that did not succeed is retried.' : refusal} busy={retry.isPending} onClick={() => retry.mutate()}>
              Retry
            </Button>
          ) : (
            <>
              {shown.status === 'paused' ? (
                <Button icon={<Play size={14} aria-hidden />} refused={refusal} busy={act.isPending} onClick={() => act.mutate('resume')}>
                  Resume
                </Button>
              ) : (
                <Button icon={<Pause size={14} aria-hidden />} refused={refusal} busy={act.isPending} onClick={() => act.mutate('pause')}>
                  Pause
                </Button>
              )}
              <Button look="danger" icon={<Square size={14} aria-hidden />} refused={refusal} busy={act.isPending} onClick={() => act.mutate('cancel')}>
                Cancel
              </Button>
            </>
          )}
        </>
      }
    >
      {shown.failure ? (
        <div role="status" className="rounded-lg border border-bad/40 bg-bad-wash px-4 py-3 text-[13px] text-bad">
          <p className="font-semibold">{shown.status === 'blocked' ? 'A guardrail stopped this run' : 'This run failed'}</p>
          <p>{String((shown.failure as { message?: string }).message ?? '')}</p>
        </div>
      ) : null}
      <div className="grid gap-4 lg:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]">
        <Card title="Timeline" flush>
          <Waterfall nodes={nodes} begin={shown.created_at} chosen={node ? nodes.indexOf(node) : -1} choose={setChosen} />
        </Card>
        <div className="flex min-w-0 flex-col gap-4">
          {node ? (
            <Card title={node.path ? `${node.path}${node.node}` : node.node} actions={<Status of={node.status} />}>
              <div className="flex flex-col gap-3">
                <p className="flex flex-wrap gap-2 text-xs text-soft">
                  <Badge>{node.type}</Badge>
                  {node.attempts && node.attempts > 1 ? <Badge tone="warn">{node.attempts} attempts</Badge> : null}
                  {node.port ? <Badge>left by {node.port}</Badge> : null}
                  {node.usage?.output_tokens ? <Badge>{(node.usage.input_tokens ?? 0) + node.usage.output_tokens} tokens</Badge> : null}
                </p>
                {node.findings?.length ? <Places run={id} node={node} /> : null}
                {node.findings?.length ? <Findings findings={node.findings} /> : null}
                {node.failure ? <Section title="Failure" value={node.failure} /> : null}
                {node.input !== undefined ? <Section title="Input" value={node.input} /> : null}
                {node.output !== undefined ? <Section title="Output" value={node.output} /> : null}
                {node.printed ? <Section title="Logs" value={node.printed} /> : null}
                {node.sandbox ? <Section title="Sandbox attestation" value={node.sandbox} /> : null}
              </div>
            </Card>
          ) : null}
          <Card title="The run">
            <div className="flex flex-col gap-3">
              {violations.length > 0 ? (
                <p className="text-[13px] text-soft">
                  {violations.length} {violations.length === 1 ? 'finding' : 'findings'} of guardrails: choose a marked node to see where and why.
                </p>
              ) : null}
              {shown.input !== undefined ? <Section title="Input" value={shown.input} /> : <p className="text-[13px] text-soft">Input and output are kept once the run has ended, screened and masked.</p>}
              {shown.output !== undefined ? <Section title="Output" value={shown.output} /> : null}
            </div>
          </Card>
        </div>
      </div>
    </Page>
  );
}

function Section({ title, value }: { title: string; value: unknown }) {
  return (
    <section className="min-w-0">
      <h3 className="mb-1 text-xs font-medium text-soft">{title}</h3>
      {typeof value === 'string' && hasMarkup(value) ? (
        <>
          <Text text={value} label={`${title}, rendered`} />
          <details className="mt-1 text-xs text-soft">
            <summary>As it is written</summary>
            <Json value={value} label={title} />
          </details>
        </>
      ) : (
        <Json value={value} label={title} />
      )}
    </section>
  );
}
