import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, body, rememberCsrf } from '../../api/client';
import { Shell } from '../../layout/Shell';
import { setTheme, type Theme, theme } from '../../lib/theme';
import { ago, at } from '../../lib/time';
import { useMe } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextField } from '../../ui/field';
import { Card, Page } from '../../ui/page';
import { Badge, Failed, Skeleton } from '../../ui/state';
import { Sure } from '../../ui/sure';
import { say, sayError } from '../../ui/toast';

export default function Account() {
  const me = useMe();
  const [look, setLook] = useState<Theme>(theme());
  const leave = useMutation({ mutationFn: () => body(api.POST('/api/v1/auth/logout')), onSettled: () => window.location.assign('/sign-in') });
  return (
    <Shell>
      <Page title="Account" lead={me.email ?? me.principal} actions={<Button busy={leave.isPending} onClick={() => leave.mutate()}>Sign out</Button>}>
        <Card title="Look">
          <div className="max-w-60">
            <Select label="Theme" value={look} onChange={(event) => { setTheme(event.target.value as Theme); setLook(event.target.value as Theme); }}>
              <option value="system">As the system</option>
              <option value="light">Light</option>
              <option value="dark">Dark</option>
            </Select>
          </div>
        </Card>
        <SecondFactor />
        <Password />
        <Sessions />
        <MyKeys />
        <Card title="Teams" flush>
          <ul>
            {me.teams.map((team) => (
              <li key={team.team} className="flex items-center gap-3 border-b border-line px-4 py-2 text-[13px] last:border-0">
                <a href={`/t/${team.slug}/development`} className="flex-1 font-medium hover:underline">{team.name}</a>
                <Badge>{team.role.replaceAll('_', ' ')}</Badge>
              </li>
            ))}
          </ul>
        </Card>
      </Page>
    </Shell>
  );
}

function Sessions() {
  const list = useQuery({ queryKey: ['me', 'sessions'], queryFn: () => body(api.GET('/api/v1/me/sessions')) });
  const end = useMutation({ mutationFn: (id: string) => body(api.DELETE('/api/v1/me/sessions/{id}', { params: { path: { id } } })), onSuccess: () => { say('That session has ended.'); void list.refetch(); }, onError: sayError });
  const endOthers = useMutation({ mutationFn: () => body(api.DELETE('/api/v1/me/sessions')), onSuccess: () => { say('All other sessions have ended.'); void list.refetch(); }, onError: sayError });
  return (
    <Card title="Sessions" flush actions={<Button busy={endOthers.isPending} onClick={() => endOthers.mutate()}>End all others</Button>}>
      {list.isPending ? <Skeleton rows={2} /> : list.isError ? <div className="p-4"><Failed error={list.error} /></div> : (
        <ul>
          {list.data.items.map((one) => (
            <li key={one.id} className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-2 text-[13px] last:border-0">
              <span className="min-w-40 flex-1" title={one.user_agent ?? ''}><span className="font-medium">{one.client}</span> {one.current ? <Badge tone="good">this one</Badge> : null}</span>
              <span className="text-xs text-soft">since {at(one.created_at)} · seen {ago(one.last_seen_at)}</span>
              {one.current ? null : <Button look="quiet" onClick={() => end.mutate(one.id)}>End</Button>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

/** The keys that act as whoever looks, in every team where there can be some. */
function MyKeys() {
  const me = useMe();
  const client = useQueryClient();
  const teams = me.teams.filter((team) => team.permissions.includes('team.manage'));
  const where = (slug: string) => ({ team: slug, environment: 'development' as const });
  const list = useQuery({
    queryKey: ['me', 'keys', teams.map((team) => team.slug)],
    queryFn: async () =>
      (
        await Promise.all(
          teams.map(async (team) => {
            const { items } = await body(api.GET('/api/v1/teams/{team}/{environment}/api-keys', { params: { path: where(team.slug), query: { limit: 200 } } }));
            return items.filter((one) => one.owner === me.principal && !one.revoked_at).map((one) => ({ ...one, team }));
          }),
        )
      ).flat(),
  });
  const revoke = useMutation({
    mutationFn: ({ id, slug }: { id: string; slug: string }) => body(api.DELETE('/api/v1/teams/{team}/{environment}/api-keys/{id}', { params: { path: { ...where(slug), id } } })),
    onSuccess: () => { say('The key works no more.'); void client.invalidateQueries({ queryKey: ['me', 'keys'] }); },
    onError: sayError,
  });
  if (teams.length === 0) return null;
  return (
    <Card title="Keys of mine" flush>
      {list.isPending ? <Skeleton rows={2} /> : list.isError ? <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div> : list.data.length === 0 ? (
        <p className="p-4 text-[13px] text-soft">No program acts as you. Keys are made on a team’s page, under API keys.</p>
      ) : (
        <ul>
          {list.data.map((one) => (
            <li key={one.id} className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-2 text-[13px] last:border-0">
              <span className="min-w-40 flex-1"><span className="font-medium">{one.name}</span> <code className="text-xs text-faint">{one.prefix}…</code></span>
              <span className="text-xs text-soft">{one.team.name} · {one.last_used_at ? `used ${ago(one.last_used_at)}` : 'never used'} · until {at(one.expires_at)}</span>
              <Sure look="quiet" really="Really revoke" act={() => revoke.mutate({ id: one.id, slug: one.team.slug })}>Revoke</Sure>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Password() {
  const change = useMutation({
    mutationFn: (form: FormData) => body(api.POST('/api/v1/me/password', { body: { current: String(form.get('current')), password: String(form.get('password')) } })),
    onSuccess: (signedIn) => { rememberCsrf(signedIn.csrf_token); say('The password is changed. All other sessions have ended.'); },
  });
  return (
    <Card title="Password">
      <form className="grid max-w-xl gap-3 sm:grid-cols-[1fr_1fr_auto] sm:items-end" onSubmit={(event: FormEvent<HTMLFormElement>) => { event.preventDefault(); change.mutate(new FormData(event.currentTarget)); event.currentTarget.reset(); }}>
        <TextField label="Password now" name="current" type="password" required autoComplete="current-password" />
        <TextField label="New password" name="password" type="password" required minLength={12} maxLength={72} autoComplete="new-password" />
        <Button look="primary" type="submit" busy={change.isPending}>Change</Button>
      </form>
      {change.isError ? <div className="mt-3"><Failed error={change.error} /></div> : null}
    </Card>
  );
}

function SecondFactor() {
  const client = useQueryClient();
  const [enrolment, setEnrolment] = useState<{ secret: string; uri: string } | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const state = useQuery({ queryKey: ['me', 'second-factor'], queryFn: () => body(api.GET('/api/v1/me/second-factor')) });
  const done = () => { void state.refetch(); void client.invalidateQueries({ queryKey: ['me'] }); };
  const begin = useMutation({ mutationFn: () => body(api.POST('/api/v1/me/second-factor')), onSuccess: setEnrolment, onError: sayError });
  const confirm = useMutation({
    mutationFn: (code: string) => body(api.POST('/api/v1/me/second-factor/confirm', { body: { code } })),
    onSuccess: (made) => { rememberCsrf(made.signed_in.csrf_token); setEnrolment(null); setCodes(made.recovery_codes); done(); },
  });
  const renew = useMutation({ mutationFn: () => body(api.POST('/api/v1/me/second-factor/recovery-codes')), onSuccess: (made) => { setCodes(made.recovery_codes); done(); }, onError: sayError });
  const off = useMutation({ mutationFn: () => body(api.DELETE('/api/v1/me/second-factor')), onSuccess: (signedIn) => { rememberCsrf(signedIn.csrf_token); say('The second factor is off.'); done(); }, onError: sayError });
  return (
    <Card title="Second factor">
      {state.isPending ? <Skeleton rows={1} /> : state.isError ? <Failed error={state.error} /> : state.data.enabled ? (
        <div className="flex flex-wrap items-center gap-3 text-[13px]">
          <span className="flex-1"><Badge tone="good">on</Badge> {state.data.recovery_codes_left} recovery codes left</span>
          <Button busy={renew.isPending} onClick={() => renew.mutate()}>New recovery codes</Button>
          <Button look="danger" busy={off.isPending} onClick={() => off.mutate()}>Turn off</Button>
        </div>
      ) : (
        <div className="flex flex-wrap items-center gap-3 text-[13px]">
          <span className="flex-1">A code of an authenticator app, asked for besides the password.</span>
          <Button look="primary" busy={begin.isPending} onClick={() => begin.mutate()}>Turn on</Button>
        </div>
      )}
      <Dialog open={enrolment !== null} title="Add an authenticator" onClose={() => setEnrolment(null)}>
        {enrolment ? (
          <form className="flex flex-col gap-4 text-[13px]" onSubmit={(event: FormEvent<HTMLFormElement>) => { event.preventDefault(); confirm.mutate(String(new FormData(event.currentTarget).get('code')).replaceAll(' ', '')); }}>
            <p>Enter this key in your authenticator app, or open <a className="text-accent underline" href={enrolment.uri}>the link</a> on the device that has it.</p>
            <code className="rounded-md border border-line bg-canvas p-3 text-center tracking-wider break-all">{enrolment.secret}</code>
            <TextField label="Code that it shows" name="code" required inputMode="numeric" autoComplete="one-time-code" fault={confirm.isError ? confirm.error.message : undefined} />
            <div className="flex justify-end"><Button look="primary" type="submit" busy={confirm.isPending}>Confirm</Button></div>
          </form>
        ) : null}
      </Dialog>
      <Dialog open={codes !== null} title="Recovery codes" onClose={() => setCodes(null)}>
        <div className="flex flex-col gap-3 text-[13px]">
          <p>Each works once, when the authenticator is lost. They are shown only now: keep them somewhere safe.</p>
          <ul className="grid grid-cols-2 gap-1 rounded-md border border-line bg-canvas p-3 font-mono text-xs">{codes?.map((code) => <li key={code}>{code}</li>)}</ul>
          <div className="flex justify-end gap-2"><Button onClick={() => { void navigator.clipboard.writeText(codes?.join('\n') ?? ''); say('Copied.'); }}>Copy</Button><Button look="primary" onClick={() => setCodes(null)}>I have kept them</Button></div>
        </div>
      </Dialog>
    </Card>
  );
}
