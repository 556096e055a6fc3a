import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body } from '../../api/client';
import { many } from '../../lib/money';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/field';
import { Card } from '../../ui/page';
import { Failed, Skeleton } from '../../ui/state';
import { say, sayError } from '../../ui/toast';

const NAMES: Record<string, string> = { runs_a_month: 'Runs a month', tokens_a_month: 'Tokens a month' };
type Wanted = { runs_a_month: number | null; tokens_a_month: number | null };

export function useBilling() {
  const { path } = useScope();
  const keys = useKeys();
  return useQuery({ queryKey: keys.of('billing'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/billing', { params: { path } })) });
}

/** How much of the month is used, and how much may be. */
export function Limits() {
  const { path, environment } = useScope();
  const keys = useKeys();
  const [open, setOpen] = useState(false);
  const billing = useBilling();
  const set = useMutation({
    mutationFn: (wanted: Wanted) => body(api.PUT('/api/v1/teams/{team}/{environment}/billing/limits', { params: { path }, body: wanted })),
    onSuccess: () => void keys.stale('billing'),
    onError: sayError,
  });
  const limits = billing.data?.limits ?? [];
  const now = (name: string) => limits.find((one) => one.name === name)?.limit ?? null;
  const before: Wanted = { runs_a_month: now('runs_a_month'), tokens_a_month: now('tokens_a_month') };
  const submit = (form: FormData) => {
    const number = (name: string) => (String(form.get(name)) === '' ? null : Number(form.get(name)));
    set.mutate({ runs_a_month: number('runs_a_month'), tokens_a_month: number('tokens_a_month') }, { onSuccess: () => { setOpen(false); say('The limits are set.', () => set.mutate(before)); } });
  };
  return (
    <Card title="Limits of the month" actions={<Button onClick={() => setOpen(true)}>Change</Button>}>
      {billing.isPending ? <Skeleton rows={2} /> : billing.isError ? <Failed error={billing.error} retry={() => void billing.refetch()} /> : (
        <ul className="flex flex-col gap-4">
          {limits.map(({ name, limit, used }) => {
            const share = limit === null || limit === undefined ? null : limit === 0 ? 1 : Math.min(1, used / limit);
            const title = NAMES[name] ?? name.replaceAll('_', ' ');
            return (
              <li key={name} className="text-[13px]">
                <p className="flex justify-between gap-3">
                  <span className="font-medium">{title}</span>
                  <span className="text-soft tabular-nums">{share === null ? `${many(used)}, no limit` : `${many(used)} of ${many(limit as number)}`}</span>
                </p>
                {share === null ? null : (
                  <div role="meter" aria-label={title} aria-valuenow={Math.min(used, limit as number)} aria-valuemin={0} aria-valuemax={limit as number} className="mt-1.5 h-1.5 overflow-hidden rounded bg-raised">
                    <div className={`h-full rounded ${share >= 1 ? 'bg-bad' : share >= 0.8 ? 'bg-warn' : 'bg-good'}`} style={{ width: `${share * 100}%` }} />
                  </div>
                )}
              </li>
            );
          })}
        </ul>
      )}
      <Dialog open={open} title={`Limits of ${environment}`} onClose={() => setOpen(false)}>
        <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); submit(new FormData(event.currentTarget)); }}>
          <TextField label="Runs a month" name="runs_a_month" type="number" min={0} step={1} defaultValue={before.runs_a_month ?? ''} hint="Empty: no limit. The next start is refused." />
          <TextField label="Tokens a month" name="tokens_a_month" type="number" min={0} step={1} defaultValue={before.tokens_a_month ?? ''} hint="Empty: no limit. The next call of a model fails." />
          <div className="flex justify-end gap-2">
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button look="primary" type="submit" busy={set.isPending}>Set</Button>
          </div>
        </form>
      </Dialog>
    </Card>
  );
}
