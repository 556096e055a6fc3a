import { type ReactNode, useEffect } from 'react';

export function Page({ title, lead, actions, children, full }: { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode; full?: boolean }) {
  useEffect(() => {
    document.title = `${title} · NodeLoom`;
  }, [title]);
  return (
    <div className={full ? 'flex h-full min-h-0 flex-col' : 'mx-auto flex w-full max-w-6xl flex-col gap-4 px-4 py-5 sm:px-6'}>
      <header className={`flex flex-wrap items-end justify-between gap-3 ${full ? 'border-b border-line bg-panel px-4 py-2.5' : ''}`}>
        <div className="min-w-0">
          <h1 className={full ? 'truncate text-[15px] font-semibold' : 'text-xl font-semibold tracking-tight'}>{title}</h1>
          {lead ? <p className="text-[13px] text-soft">{lead}</p> : null}
        </div>
        {actions ? <div className="flex flex-wrap items-center gap-2">{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}

export function Card({ title, actions, children, flush }: { title?: string; actions?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section aria-label={title} className="min-w-0 rounded-lg border border-line bg-panel">
      {title ? (
        <header className="flex min-h-10 flex-wrap items-center justify-between gap-2 border-b border-line px-4 py-1.5">
          <h2 className="text-[13px] font-semibold">{title}</h2>
          {actions}
        </header>
      ) : null}
      <div className={flush ? '' : 'p-4'}>{children}</div>
    </section>
  );
}
