import { AlertTriangle, type LucideIcon, RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { ApiError } from '../api/client';
import { Button } from './button';

/** An empty list that says what it is for and what to do. */
export function Empty({ icon: Icon, title, children, action }: { icon: LucideIcon; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-14 text-center">
      <span className="grid size-10 place-items-center rounded-full bg-raised text-soft">
        <Icon size={20} aria-hidden />
      </span>
      <h3 className="text-[15px] font-semibold">{title}</h3>
      <div className="max-w-md text-[13px] text-soft">{children}</div>
      {action ? <div className="mt-2">{action}</div> : null}
    </div>
  );
}

/** A refusal or failure, in words that say what to do. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiError ? error.problem : { title: 'This did not work', detail: String(error), code: '' };
  return (
    <div role="alert" className="flex flex-wrap items-start gap-3 rounded-lg border border-bad/40 bg-bad-wash px-4 py-3 text-[13px] text-bad">
      <AlertTriangle size={16} className="mt-0.5 shrink-0" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="font-semibold">{problem.title}</p>
        {problem.detail && problem.detail !== problem.title ? <p className="break-words">{problem.detail}</p> : null}
        {'help' in problem && problem.help ? <p>{String(problem.help)}</p> : null}
        {problem.code.startsWith('NL-') ? (
          <a className="underline" href={`/docs/errors/${problem.code}`} target="_blank" rel="noreferrer">
            {problem.code}: what it means
          </a>
        ) : null}
      </div>
      {retry ? (
        <Button onClick={retry} icon={<RotateCw size={14} aria-hidden />}>
          Try again
        </Button>
      ) : null}
    </div>
  );
}

export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-2 p-4">
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} className="h-5 animate-pulse rounded bg-raised" style={{ width: `${92 - ((row * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

const TONES = {
  good: 'bg-good-wash text-good',
  warn: 'bg-warn-wash text-warn',
  bad: 'bg-bad-wash text-bad',
  busy: 'bg-busy-wash text-busy',
  idle: 'bg-raised text-soft',
} as const;
export type Tone = keyof typeof TONES;

export function Badge({ tone = 'idle', children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`inline-flex items-center rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap ${TONES[tone]}`}>{children}</span>;
}

const STATUS: Record<string, Tone> = {
  succeeded: 'good', approved: 'good', active: 'good', allowed: 'good',
  failed: 'bad', blocked: 'bad', rejected: 'bad', refused: 'bad', expired: 'bad', revoked: 'bad', timed_out: 'bad',
  running: 'busy', queued: 'busy', retrying: 'busy', intent: 'busy',
  waiting: 'warn', paused: 'warn', pending: 'warn', expiring: 'warn', reauthorisation_needed: 'warn',
};
export function Status({ of }: { of: string }) {
  return <Badge tone={STATUS[of] ?? 'idle'}>{of.replaceAll('_', ' ')}</Badge>;
}
