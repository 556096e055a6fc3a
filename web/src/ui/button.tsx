import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { Tip } from './tip';

type Look = 'primary' | 'plain' | 'quiet' | 'danger';
const LOOKS: Record<Look, string> = {
  primary: 'bg-accent text-accent-ink border-transparent hover:opacity-90',
  plain: 'bg-panel text-ink border-strong/50 hover:bg-raised',
  quiet: 'bg-transparent text-soft border-transparent hover:bg-raised hover:text-ink',
  danger: 'bg-bad-wash text-bad border-bad/40 hover:border-bad',
};

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  busy?: boolean;
  /** Why it cannot be used. The button stays focusable, so that the reason can be heard. */
  refused?: string | undefined;
  icon?: ReactNode;
}

export function Button({ look = 'plain', busy, refused, icon, children, className = '', onClick, disabled, ...rest }: ButtonProps) {
  const off = disabled || busy || refused !== undefined;
  const button = (
    <button
      type="button"
      {...rest}
      aria-disabled={off || undefined}
      aria-busy={busy || undefined}
      onClick={off ? (event) => event.preventDefault() : onClick}
      className={`inline-flex h-8 shrink-0 items-center justify-center gap-1.5 rounded-md border px-3 text-[13px] font-medium whitespace-nowrap transition-colors ${LOOKS[look]} ${off ? 'cursor-not-allowed! opacity-55' : ''} ${className}`}
    >
      {icon}
      {children}
    </button>
  );
  return refused ? <Tip text={refused}>{button}</Tip> : button;
}

export function IconButton({ label, children, ...rest }: ButtonProps & { label: string }) {
  return (
    <Tip text={rest.refused ?? label}>
      <button
        type="button"
        aria-label={label}
        {...(({ look: _l, busy: _b, refused: _r, icon: _i, ...other }) => other)(rest)}
        aria-disabled={rest.disabled || rest.refused !== undefined || undefined}
        onClick={rest.disabled || rest.refused !== undefined ? undefined : rest.onClick}
        className={`inline-grid size-8 shrink-0 place-items-center rounded-md text-soft hover:bg-raised hover:text-ink aria-disabled:opacity-50 ${rest.className ?? ''}`}
      >
        {children}
      </button>
    </Tip>
  );
}
