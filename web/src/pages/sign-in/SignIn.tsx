import { type FormEvent, useEffect, useRef, useState } from 'react';

interface Answer {
  csrf_token?: string;
  pending?: string;
  title?: string;
  detail?: string;
  help?: string;
}

/** Only a path of our own is gone to after sign-in. */
function next(): string {
  const wanted = new URLSearchParams(window.location.search).get('next') ?? '/';
  const url = new URL(wanted, window.location.origin);
  return url.origin === window.location.origin && !url.pathname.startsWith('/sign-in') ? url.pathname + url.search : '/';
}

const FIELD = 'h-10 w-full rounded-md border border-strong/60 bg-panel px-3 text-[14px] aria-invalid:border-bad';

export default function SignIn() {
  const [fault, setFault] = useState<string | null>(null);
  const [note, setNote] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [pending, setPending] = useState<string | null>(null);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = 'Sign in · NodeLoom';
    first.current?.focus();
  }, [pending]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFault(null);
    try {
      const answer = await fetch(pending ? '/api/v1/auth/second-factor' : '/api/v1/auth/login', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(pending ? { pending, code: String(form.get('code')).replaceAll(' ', '') } : { email: form.get('email'), password: form.get('password') }),
      });
      const said = (await answer.json()) as Answer;
      if (!answer.ok) {
        const wait = answer.headers.get('retry-after');
        setFault(`${said.detail ?? said.title ?? 'That did not work.'}${wait ? ` Try again in ${wait} seconds.` : ''}`);
      } else if (said.pending) {
        setPending(said.pending);
      } else {
        window.location.assign(next());
        return;
      }
    } catch {
      setFault('The server does not answer. Check the connection and try again.');
    }
    setBusy(false);
  }

  /** The answer is the same whether there is such an account or not. */
  async function forgot(form: HTMLFormElement | null) {
    const email = form ? String(new FormData(form).get('email')) : '';
    setNote(null);
    if (!email.includes('@')) {
      setFault('Enter your e-mail address first.');
      first.current?.focus();
      return;
    }
    setFault(null);
    try {
      const answer = await fetch('/api/v1/auth/password-reset', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email }) });
      if (answer.ok) setNote('If there is an account with this address, a link is on its way to it. Without mail on this server, ask whoever runs it.');
      else setFault(((await answer.json()) as Answer).detail ?? 'That did not work. Try again in a while.');
    } catch {
      setFault('The server does not answer. Check the connection and try again.');
    }
  }

  return (
    <main className="grid min-h-full place-items-center bg-canvas p-4">
      <div className="w-full max-w-sm rounded-xl border border-line bg-panel p-7 shadow-sm">
        <p className="mb-6 flex items-center gap-2.5 text-[15px] font-semibold">
          <img src="/assets/icon.svg" alt="" className="size-7" /> NodeLoom
        </p>
        <h1 className="mb-4 text-xl font-semibold tracking-tight">{pending ? 'Second factor' : 'Sign in'}</h1>
        <form onSubmit={submit} className="flex flex-col gap-4" noValidate={false}>
          {pending ? (
            <label className="flex flex-col gap-1 text-xs font-medium text-soft">
              Code of your authenticator, or a recovery code
              <input ref={first} name="code" required autoComplete="one-time-code" inputMode="text" aria-invalid={fault ? true : undefined} className={FIELD} />
            </label>
          ) : (
            <>
              <label className="flex flex-col gap-1 text-xs font-medium text-soft">
                E-mail address
                <input ref={first} name="email" type="email" required autoComplete="username" maxLength={254} aria-invalid={fault ? true : undefined} className={FIELD} />
              </label>
              <label className="flex flex-col gap-1 text-xs font-medium text-soft">
                Password
                <input name="password" type="password" required autoComplete="current-password" maxLength={200} aria-invalid={fault ? true : undefined} className={FIELD} />
              </label>
            </>
          )}
          {fault ? (
            <p role="alert" className="rounded-md bg-bad-wash px-3 py-2 text-[13px] text-bad">
              {fault}
            </p>
          ) : null}
          {note ? (
            <p role="status" className="rounded-md bg-good-wash px-3 py-2 text-[13px] text-good">
              {note}
            </p>
          ) : null}
          <button type="submit" disabled={busy} className="h-10 rounded-md bg-accent text-[14px] font-semibold text-accent-ink disabled:opacity-60">
            {busy ? 'One moment…' : pending ? 'Continue' : 'Sign in'}
          </button>
          {pending ? (
            <button type="button" className="text-[13px] text-soft underline" onClick={() => setPending(null)}>
              Back
            </button>
          ) : (
            <button type="button" className="text-[13px] text-soft underline" onClick={(event) => void forgot(event.currentTarget.form)}>
              Forgot the password?
            </button>
          )}
        </form>
      </div>
    </main>
  );
}
