import { type FormEvent, useEffect, useRef, useState } from 'react';
import { csrfToken, rememberCsrf, whenConfirmationIsNeeded } from '../api/client';
import { useMe } from '../session';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { TextField } from '../ui/field';

/** Asks who is at the keyboard before a dangerous act; the act then goes on by itself. */
export function StepUp() {
  const me = useMe() as { second_factor?: boolean };
  const [open, setOpen] = useState(false);
  const [fault, setFault] = useState<string>();
  const answer = useRef<(yes: boolean) => void>(() => {});
  useEffect(
    () =>
      whenConfirmationIsNeeded(
        () =>
          new Promise((resolve) => {
            answer.current = resolve;
            setFault(undefined);
            setOpen(true);
          }),
      ),
    [],
  );
  const end = (yes: boolean) => {
    setOpen(false);
    answer.current(yes);
  };
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = String(new FormData(event.currentTarget).get('proof'));
    const body = me.second_factor ? { code: given.replaceAll(' ', '') } : { password: given };
    const said = await fetch('/api/v1/me/step-up', { method: 'POST', headers: { 'content-type': 'application/json', 'X-CSRF-Token': csrfToken() }, body: JSON.stringify(body) });
    const json = (await said.json().catch(() => ({}))) as { csrf_token?: string; detail?: string; title?: string };
    if (said.ok && json.csrf_token) {
      rememberCsrf(json.csrf_token);
      end(true);
    } else setFault(json.detail ?? json.title ?? 'That was not right.');
  }
  return (
    <Dialog open={open} title="Confirm that it is you" onClose={() => end(false)}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <p className="text-[13px] text-soft">This change is a sensitive one. It goes on as soon as you have confirmed; for ten minutes you will not be asked again.</p>
        {me.second_factor ? (
          <TextField label="Code of your authenticator, or a recovery code" name="proof" required autoFocus autoComplete="one-time-code" fault={fault} />
        ) : (
          <TextField label="Password" name="proof" type="password" required autoFocus autoComplete="current-password" fault={fault} />
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={() => end(false)}>Cancel</Button>
          <Button look="primary" type="submit">
            Confirm
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
