import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useId, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { ago } from '../../lib/time';
import { useWorkflowNames } from '../../lib/workflows';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Columns } from '../../ui/chart';
import { Card } from '../../ui/page';
import { Failed, Skeleton, Status } from '../../ui/state';
import { say, sayError } from '../../ui/toast';
import { kindName } from './kinds';

const RUNS = 100;
const BINS = 20;

/** From which score a check counts, and what another one would do to the runs that were. */
export function Thresholds() {
  return (
    <>
      <p className="text-[13px] text-soft">
        A check gives each text a score; from its threshold on it counts. Thresholds set here hold for every guardrail of this environment that names none itself. The scores below are of the inputs of recent runs as they are kept, screened and masked, looked at again just now.
      </p>
      <Threshold check="PROMPT_INJECTION" />
      <Threshold check="CONTENT_FILTER" />
    </>
  );
}

function Threshold({ check }: { check: 'PROMPT_INJECTION' | 'CONTENT_FILTER' }) {
  const { path, refused } = useScope();
  const keys = useKeys();
  const workflow = useWorkflowNames();
  const id = useId();
  const scores = useQuery({ queryKey: keys.of('scores', check), staleTime: 60_000, queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/guardrails/scores', { params: { path, query: { check, runs: RUNS } } })) });
  const [chosen, setChosen] = useState<number | null>(null);
  const set = useMutation({
    mutationFn: async (to: number | null) => {
      const before = await body(api.GET('/api/v1/teams/{team}/{environment}/guardrails/settings', { params: { path } }));
      const { [check]: old, ...others } = before.thresholds as Record<string, number>;
      await body(api.PUT('/api/v1/teams/{team}/{environment}/guardrails/settings', { params: { path }, body: { thresholds: to === null ? others : { ...others, [check]: to } } }));
      return { to, old: old ?? null };
    },
    onSuccess: ({ to, old }) => {
      setChosen(null);
      void keys.stale('scores', check);
      say(to === null ? `${kindName(check)} counts from its default on again.` : `${kindName(check)} counts from ${to} on.`, old === to ? undefined : () => set.mutate(old));
    },
    onError: sayError,
  });
  if (scores.isPending) return <Card title={kindName(check)}><Skeleton rows={4} /></Card>;
  if (scores.isError) return <Card title={kindName(check)}><Failed error={scores.error} retry={() => void scores.refetch()} /></Card>;
  const { items, left_out: leftOut, default_threshold: standard, threshold } = scores.data;
  const now = round(threshold ?? standard);
  const at = chosen ?? now;
  const over = (limit: number) => items.filter((one) => one.score >= limit);
  const bins = Array.from({ length: BINS }, (_, bin) => items.filter((one) => Math.min(BINS - 1, Math.floor(one.score * BINS)) === bin));
  const middle = (bin: number) => (bin + 0.5) / BINS;
  const differ = items.filter((one) => one.score >= at !== one.score >= now).sort((a, b) => b.score - a.score);
  const refusal = refused('guardrail.manage');
  return (
    <Card
      title={kindName(check)}
      actions={<span className="text-xs text-soft">{threshold === undefined || threshold === null ? `default, ${round(standard)}` : `${now}, set by the team (default ${round(standard)})`}</span>}
    >
      <div className="flex flex-col gap-4">
        <Columns
          label={`Scores of ${items.length} recent runs`}
          labels={bins.map((_, bin) => (bin / BINS).toFixed(2))}
          series={[
            { name: 'pass', fill: 'fill-good', values: bins.map((bin, index) => (middle(index) < at ? bin.length : 0)) },
            { name: 'would count', fill: 'fill-bad', values: bins.map((bin, index) => (middle(index) >= at ? bin.length : 0)) },
          ]}
          mark={{ at, name: at.toFixed(2) }}
        />
        <div className="flex flex-wrap items-center gap-3">
          <label htmlFor={id} className="text-[13px] font-medium">Count from</label>
          <input id={id} type="range" min={0} max={1} step={0.01} value={at} onChange={(event) => setChosen(round(Number(event.target.value)))} className="min-w-40 flex-1 accent-(--accent)" aria-valuetext={`${at.toFixed(2)}: ${over(at).length} of ${items.length} runs`} />
          <output htmlFor={id} className="w-10 text-[13px] font-semibold tabular-nums">{at.toFixed(2)}</output>
          <Button look="primary" refused={refusal ?? (at === now ? 'This is what holds now.' : undefined)} busy={set.isPending} onClick={() => set.mutate(at)}>Let this hold here</Button>
          {threshold === undefined || threshold === null ? null : <Button refused={refusal} busy={set.isPending} onClick={() => set.mutate(null)}>Back to the default</Button>}
        </div>
        <p aria-live="polite" className="text-[13px]">
          {items.length === 0 ? (
            <span className="text-soft">No run has kept its input yet, so there is nothing to compare with.</span>
          ) : (
            <>
              From {at.toFixed(2)} on, <strong>{over(at).length}</strong> of the {items.length} newest runs would count; {at === now ? 'that is how it is now.' : <>now it is {over(now).length}. {effect(differ, at, now)}</>}
            </>
          )}
          {leftOut > 0 ? <span className="text-soft"> {leftOut} {leftOut === 1 ? 'run was' : 'runs were'} left out: no input is kept, or there was no time to look.</span> : null}
        </p>
        {differ.length > 0 ? (
          <ul aria-label="Runs that would be decided differently" className="rounded-md border border-line">
            {differ.slice(0, 8).map((one) => (
              <li key={one.run} className="flex flex-wrap items-center gap-3 border-b border-line px-3 py-1.5 text-[13px] last:border-0">
                <span className="w-10 tabular-nums">{one.score.toFixed(2)}</span>
                <Link to="/t/$team/$environment/runs/$run" params={{ ...path, run: one.run }} className="min-w-0 flex-1 truncate font-medium hover:underline">{workflow(one.workflow)}</Link>
                <Status of={one.status} />
                <span className="text-xs text-soft">{ago(one.at)}</span>
              </li>
            ))}
          </ul>
        ) : null}
      </div>
    </Card>
  );
}

const round = (value: number) => Math.round(value * 100) / 100;
function effect(differ: Schemas['GuardrailScore'][], at: number, now: number): string {
  if (differ.length === 0) return 'No run would be decided differently.';
  return at < now ? `${differ.length} more would be found.` : `${differ.length} would be found no more.`;
}
