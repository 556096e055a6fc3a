import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes, useId } from 'react';

const BOX = 'w-full rounded-md border border-strong/60 bg-panel px-2.5 text-[13px] text-ink placeholder:text-faint aria-invalid:border-bad disabled:opacity-60';

interface Around {
  label: string;
  hint?: ReactNode;
  fault?: string | undefined;
  /** Shows the label to screen readers alone. */
  bare?: boolean;
}

function Labelled({ id, label, hint, fault, bare, children }: Around & { id: string; children: ReactNode }) {
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className={bare ? 'sr-only' : 'text-xs font-medium text-soft'}>
        {label}
      </label>
      {children}
      {fault ? (
        <p id={`${id}-fault`} role="alert" className="text-xs text-bad">
          {fault}
        </p>
      ) : hint ? (
        <p id={`${id}-hint`} className="text-xs text-faint">
          {hint}
        </p>
      ) : null}
    </div>
  );
}

function describe(id: string, { hint, fault }: Around) {
  return { id, 'aria-invalid': fault ? true : undefined, 'aria-describedby': fault ? `${id}-fault` : hint ? `${id}-hint` : undefined };
}

export function TextField({ label, hint, fault, bare, className = '', ...rest }: Around & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  const around = { label, hint, fault, ...(bare ? { bare } : {}) };
  return (
    <Labelled id={id} {...around}>
      <input {...rest} {...describe(id, around)} className={`h-8 ${BOX} ${className}`} />
    </Labelled>
  );
}

export function TextArea({ label, hint, fault, bare, className = '', ...rest }: Around & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  const around = { label, hint, fault, ...(bare ? { bare } : {}) };
  return (
    <Labelled id={id} {...around}>
      <textarea rows={4} {...rest} {...describe(id, around)} className={`py-1.5 ${BOX} ${className}`} />
    </Labelled>
  );
}

export function Select({ label, hint, fault, bare, className = '', children, ...rest }: Around & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  const around = { label, hint, fault, ...(bare ? { bare } : {}) };
  return (
    <Labelled id={id} {...around}>
      <select {...rest} {...describe(id, around)} className={`h-8 ${BOX} ${className}`}>
        {children}
      </select>
    </Labelled>
  );
}

export function Check({ label, hint, ...rest }: { label: ReactNode; hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className="flex items-start gap-2">
      <input type="checkbox" {...rest} id={id} className="mt-0.5 size-4 accent-(--accent)" />
      <label htmlFor={id} className="text-[13px] text-ink">
        {label}
        {hint ? <span className="block text-xs text-faint">{hint}</span> : null}
      </label>
    </div>
  );
}
