import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { Check, Minus, Users } from 'lucide-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { ago, at } from '../../lib/time';
import { useKeys, useMe, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextField } from '../../ui/field';
import { Card, Page } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton } from '../../ui/state';
import { Sure } from '../../ui/sure';
import { Table } from '../../ui/table';
import { More } from '../../ui/more';
import { PageTabs } from '../../ui/tabs';
import { say, sayError } from '../../ui/toast';
import { ApiKeys } from './ApiKeys';
import { Machines } from './Machines';

export const ROLES = ['admin', 'builder', 'operator', 'viewer', 'compliance_officer'];
export const roleName = (role: string) => role.replaceAll('_', ' ');

export default function Team() {
  const { may, refused, membership } = useScope();
  const manages = may('team.manage');
  const or = (content: () => ReactNode) => () => (manages ? content() : <Card><Empty icon={Users} title="Not for your role">{refused('team.manage')}</Empty></Card>);
  const parts = [
    { id: 'members', name: 'Members', content: or(() => <><Members /><Invitations /><Security /></>) },
    { id: 'machines', name: 'Service accounts', content: or(() => <Machines />) },
    { id: 'keys', name: 'API keys', content: or(() => <ApiKeys />) },
    { id: 'permissions', name: 'Permissions', content: () => <Matrix /> },
  ];
  return (
    <Page title={membership?.name ?? 'Team'} lead={`You are ${membership ? roleName(membership.role) : 'nobody'} here.`}>
      <PageTabs label="Parts of the team" parts={manages ? parts : parts.reverse()} />
    </Page>
  );
}

function Members() {
  const { path } = useScope();
  const keys = useKeys();
  const me = useMe();
  const list = useInfiniteQuery({
    queryKey: keys.of('members'),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => body(api.GET('/api/v1/teams/{team}/{environment}/members', { params: { path, query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const done = () => void keys.stale('members');
  const role = useMutation({
    mutationFn: ({ id, to }: { id: string; to: Schemas['ChangeRole']['role']; was?: Schemas['ChangeRole']['role'] }) => body(api.PUT('/api/v1/teams/{team}/{environment}/members/{id}', { params: { path: { ...path, id } }, body: { role: to } })),
    onSuccess: (member, { id, was }) => { say(`${member.name} is now ${roleName(member.role)}.`, was ? () => role.mutate({ id, to: was }) : undefined); done(); },
    onError: (error) => { sayError(error); done(); },
  });
  const remove = useMutation({
    mutationFn: (id: string) => body(api.DELETE('/api/v1/teams/{team}/{environment}/members/{id}', { params: { path: { ...path, id } } })),
    onSuccess: () => { say('Removed. Sessions, keys and runs that lived on it end.'); done(); },
    onError: sayError,
  });
  return (
    <Card title="Members" flush>
      {list.isPending ? <Skeleton rows={3} /> : list.isError ? <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div> : (
        <Table
          label="Members"
          rows={list.data.pages.flatMap((page) => page.items)}
          id={(row) => row.id}
          columns={[
            { key: 'name', title: 'Name', cell: (row) => <span><span className="font-medium">{row.name}</span>{row.email && row.email !== row.name ? <span className="block text-xs text-soft">{row.email}</span> : null}</span> },
            { key: 'kind', title: 'Kind', wide: true, cell: (row) => <Badge>{row.kind.replaceAll('_', ' ')}</Badge> },
            { key: 'factor', title: 'Second factor', wide: true, cell: (row) => (row.kind === 'user' ? row.second_factor ? <Badge tone="good">on</Badge> : <Badge tone="warn">off</Badge> : '–') },
            { key: 'since', title: 'Since', wide: true, cell: (row) => at(row.since) },
            { key: 'role', title: 'Role', cell: (row) => (
              <Select bare label={`Role of ${row.name}`} value={row.role} onChange={(event) => role.mutate({ id: row.id, to: event.target.value as Schemas['ChangeRole']['role'], was: row.role as Schemas['ChangeRole']['role'] })}>
                {ROLES.map((one) => <option key={one} value={one}>{roleName(one)}</option>)}
              </Select>
            ) },
            { key: 'act', title: '', cell: (row) => <Sure look="quiet" really="Really remove" refused={row.id === me.principal ? 'You cannot remove yourself here.' : undefined} act={() => remove.mutate(row.id)}>Remove</Sure> },
          ]}
        />
      )}
      <More list={list} />
    </Card>
  );
}

function Invitations() {
  const { path } = useScope();
  const keys = useKeys();
  const [open, setOpen] = useState(false);
  const [link, setLink] = useState<string | null>(null);
  const list = useQuery({ queryKey: keys.of('invitations'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/invitations', { params: { path } })) });
  const done = () => void keys.stale('invitations');
  const invite = useMutation({
    mutationFn: (form: FormData) => body(api.POST('/api/v1/teams/{team}/{environment}/invitations', { params: { path }, body: { email: String(form.get('email')), role: String(form.get('role')) as Schemas['Invite']['role'] } })),
    onSuccess: (made) => { done(); if (made.link) setLink(made.link); else { say(`A mail is on its way to ${made.email}.`); setOpen(false); } },
  });
  const withdraw = useMutation({ mutationFn: (id: string) => body(api.DELETE('/api/v1/teams/{team}/{environment}/invitations/{id}', { params: { path: { ...path, id } } })), onSuccess: () => { say('The invitation is withdrawn.'); done(); }, onError: sayError });
  const resend = useMutation({ mutationFn: (id: string) => body(api.POST('/api/v1/teams/{team}/{environment}/invitations/{id}/resend', { params: { path: { ...path, id } } })), onSuccess: (made) => { done(); if (made.link) { setLink(made.link); setOpen(true); } else say('Sent again.'); }, onError: sayError });
  const close = () => { setOpen(false); setLink(null); invite.reset(); };
  return (
    <Card title="Invitations" flush actions={<Button look="primary" onClick={() => setOpen(true)}>Invite</Button>}>
      {list.isPending ? <Skeleton rows={2} /> : list.isError ? <div className="p-4"><Failed error={list.error} /></div> : list.data.items.length === 0 ? (
        <p className="p-4 text-[13px] text-soft">Nobody is invited at the moment.</p>
      ) : (
        <ul>
          {list.data.items.map((one) => (
            <li key={one.id} className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-2 text-[13px] last:border-0">
              <span className="min-w-40 flex-1 font-medium">{one.email}</span>
              <Badge>{roleName(one.role)}</Badge>
              <span className="text-xs text-soft">until {at(one.expires_at)}</span>
              <Button look="quiet" onClick={() => resend.mutate(one.id)}>Send again</Button>
              <Button look="quiet" onClick={() => withdraw.mutate(one.id)}>Withdraw</Button>
            </li>
          ))}
        </ul>
      )}
      <Dialog open={open} title="Invite somebody" onClose={close}>
        {link ? (
          <div className="flex flex-col gap-3 text-[13px]">
            <p>No mail is configured here. Give this link to the person yourself; it works once, and is shown only now.</p>
            <code className="rounded-md border border-line bg-canvas p-3 text-xs break-all">{link}</code>
            <div className="flex justify-end gap-2">
              <Button onClick={() => { void navigator.clipboard.writeText(link); say('Copied.'); }}>Copy</Button>
              <Button look="primary" onClick={close}>Done</Button>
            </div>
          </div>
        ) : (
          <form className="flex flex-col gap-4" onSubmit={(event: FormEvent<HTMLFormElement>) => { event.preventDefault(); invite.mutate(new FormData(event.currentTarget)); }}>
            <TextField label="E-mail address" name="email" type="email" required maxLength={254} />
            <Select label="Role" name="role" defaultValue="viewer">{ROLES.map((one) => <option key={one} value={one}>{roleName(one)}</option>)}</Select>
            {invite.isError ? <Failed error={invite.error} /> : null}
            <div className="flex justify-end gap-2"><Button onClick={close}>Cancel</Button><Button look="primary" type="submit" busy={invite.isPending}>Invite</Button></div>
          </form>
        )}
      </Dialog>
    </Card>
  );
}

function Security() {
  const { path } = useScope();
  const keys = useKeys();
  const team = useQuery({ queryKey: keys.of('team'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/team', { params: { path } })) });
  const cooldowns = useQuery({ queryKey: keys.of('cooldowns'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/cooldowns', { params: { path } })) });
  const change = useMutation({
    mutationFn: (require_second_factor: boolean) => body(api.PATCH('/api/v1/teams/{team}/{environment}/team', { params: { path }, body: { require_second_factor } })),
    onSuccess: () => { void team.refetch(); say('Saved.'); },
    onError: sayError,
  });
  return (
    <Card title="Security">
      <div className="flex flex-col gap-3 text-[13px]">
        {team.data ? (
          <div className="flex flex-wrap items-center justify-between gap-3">
            <span>
              <span className="font-medium">Everybody needs a second factor</span>
              <span className="block text-xs text-soft">Who has none can only enrol one until then.</span>
            </span>
            <Button aria-pressed={team.data.require_second_factor} busy={change.isPending} onClick={() => change.mutate(!team.data.require_second_factor)}>{team.data.require_second_factor ? 'On: turn off' : 'Off: turn on'}</Button>
          </div>
        ) : team.isError ? <Failed error={team.error} /> : <Skeleton rows={1} />}
        {cooldowns.data && cooldowns.data.items.length > 0 ? (
          <ul className="border-t border-line pt-2 text-xs text-soft">
            {cooldowns.data.items.map((one) => <li key={`${one.member}${one.action}`}>{one.member}: {one.failures} failed attempts at {one.action.replaceAll('_', ' ')}, last {ago(one.last_failure)}, paused until {at(one.until)}</li>)}
          </ul>
        ) : null}
      </div>
    </Card>
  );
}

/** The permission table as the server enforces it. */
function Matrix() {
  const table = useQuery({ queryKey: ['permissions'], staleTime: Number.POSITIVE_INFINITY, queryFn: () => body(api.GET('/api/v1/permissions')) });
  if (table.isPending) return <Skeleton />;
  if (table.isError) return <Failed error={table.error} retry={() => void table.refetch()} />;
  return (
    <Card title="Who may do what" flush>
      <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Permission table">
        <table className="w-full text-[13px]">
          <thead>
            <tr className="border-b border-line text-xs text-faint">
              <th scope="col" className="px-4 py-2 text-left font-medium">Permission</th>
              {table.data.roles.map((role) => <th key={role} scope="col" className="px-3 py-2 font-medium whitespace-nowrap">{roleName(role)}</th>)}
            </tr>
          </thead>
          <tbody>
            {table.data.permissions.map((row) => (
              <tr key={row.name} className="border-b border-line last:border-0">
                <th scope="row" className="px-4 py-1.5 text-left font-mono text-xs font-normal">{row.name}</th>
                {table.data.roles.map((role) => (
                  <td key={role} className="px-3 py-1.5 text-center">
                    {row.roles.includes(role) ? <Check size={15} className="mx-auto text-good" role="img" aria-label="yes" /> : <Minus size={15} className="mx-auto text-faint" role="img" aria-label="no" />}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
