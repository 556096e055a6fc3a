import { useMutation, useQuery } from '@tanstack/react-query';
import { KeyRound, Plug, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { ago, at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextArea, TextField } from '../../ui/field';
import { Card, Page } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton, Status } from '../../ui/state';
import { Sure } from '../../ui/sure';
import { Table } from '../../ui/table';
import { say, sayError } from '../../ui/toast';
import { Connect } from './Connect';
import { useReturned } from './returned';

const KINDS = [
  ['api_key', 'API key', 'Sent as a header, to the hosts below alone.'],
  ['database', 'Database', 'A connection URL, such as postgres://user:password@host/database.'],
  ['oauth_token', 'OAuth token', 'An access token that you have. To connect an account, use Connect instead.'],
  ['service_account', 'Service account', 'The provider’s key file, as it is.'],
  ['custom_secret', 'Other secret', 'Any text.'],
] as const;

export default function Credentials() {
  const { path, refused, may, environment } = useScope();
  const keys = useKeys();
  const [making, setMaking] = useState(false);
  const [connecting, setConnecting] = useState(false);
  const [chosen, setChosen] = useState<Schemas['Credential'] | null>(null);
  const list = useQuery({ queryKey: keys.of('credentials'), enabled: may('credential.use'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/credentials', { params: { path, query: { limit: 200 } } })) });
  useReturned(() => void list.refetch());
  const refusal = refused('credential.manage');
  const actions = (
    <>
      <Button icon={<Plug size={14} aria-hidden />} refused={refusal} onClick={() => setConnecting(true)}>
        Connect an account
      </Button>
      <Button look="primary" icon={<Plus size={14} aria-hidden />} refused={refusal} onClick={() => setMaking(true)}>
        New credential
      </Button>
    </>
  );
  return (
    <Page title="Credentials" lead={`Secrets that workflows in ${environment} may use and never see. A value is shown to nobody after it was entered.`} actions={actions}>
      <Card flush>
        {!may('credential.use') ? (
          <Empty icon={KeyRound} title="Not for your role">{refused('credential.use')}</Empty>
        ) : list.isPending ? (
          <Skeleton />
        ) : list.isError ? (
          <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div>
        ) : list.data.items.length === 0 ? (
          <Empty icon={KeyRound} title="The vault is empty here" action={actions}>
            Each environment has its own credentials: one of development never opens in production.
          </Empty>
        ) : (
          <Table
            label="Credentials"
            rows={list.data.items}
            id={(row) => row.id}
            open={setChosen}
            columns={[
              { key: 'name', title: 'Name', cell: (row) => <span className="font-medium">{row.name}</span> },
              { key: 'kind', title: 'Kind', cell: (row) => row.provider ?? row.kind.replaceAll('_', ' ') },
              { key: 'status', title: 'Status', cell: (row) => <span className="flex gap-1"><Status of={row.status} />{row.rotation_due ? <Badge tone="warn">rotate</Badge> : null}</span> },
              { key: 'hosts', title: 'May be sent to', wide: true, cell: (row) => <span className="font-mono text-xs text-soft">{row.hosts.join(', ') || '–'}</span> },
              { key: 'used', title: 'Last used', wide: true, cell: (row) => <span title={at(row.last_used_at)}>{ago(row.last_used_at)}</span> },
            ]}
          />
        )}
      </Card>
      <Make open={making} close={() => setMaking(false)} />
      <Connect open={connecting} close={() => setConnecting(false)} />
      {chosen ? <Detail credential={chosen} close={() => setChosen(null)} /> : null}
    </Page>
  );
}

function Make({ open, close }: { open: boolean; close: () => void }) {
  const { path } = useScope();
  const keys = useKeys();
  const [kind, setKind] = useState<Schemas['CreateCredential']['kind']>('api_key');
  const make = useMutation({
    mutationFn: (form: FormData) => {
      const hosts = String(form.get('hosts')).split(/[\s,]+/).filter(Boolean);
      return body(api.POST('/api/v1/teams/{team}/{environment}/credentials', { params: { path }, body: { name: String(form.get('name')), kind, value: String(form.get('value')) as never, hosts } }));
    },
    onSuccess: (made) => {
      void keys.stale('credentials');
      say(`${made.name} is in the vault.`);
      close();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    make.mutate(new FormData(event.currentTarget));
  };
  return (
    <Dialog open={open} title="New credential" onClose={close}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <TextField label="Name" name="name" required maxLength={200} hint="Workflows call it by this name." />
        <Select label="Kind" value={kind} onChange={(event) => setKind(event.target.value as typeof kind)} hint={KINDS.find(([id]) => id === kind)?.[2]}>
          {KINDS.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
        </Select>
        <TextArea label="Value" name="value" required rows={3} autoComplete="off" spellCheck={false} hint="It is encrypted at once and never shown again." />
        <TextField label="Hosts it may be sent to" name="hosts" placeholder="api.example.com" hint="Separated by commas. It is sent nowhere else." />
        {make.isError ? <Failed error={make.error} /> : null}
        <div className="flex justify-end gap-2">
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" busy={make.isPending}>Save</Button>
        </div>
      </form>
    </Dialog>
  );
}

function Detail({ credential, close }: { credential: Schemas['Credential']; close: () => void }) {
  const { path, refused, environment, membership } = useScope();
  const keys = useKeys();
  const at_ = { params: { path: { ...path, id: credential.id } } };
  const refusal = refused('credential.manage');
  const [replacing, setReplacing] = useState(false);
  const [editing, setEditing] = useState(false);
  const test = useMutation({ mutationFn: () => body(api.POST('/api/v1/teams/{team}/{environment}/credentials/{id}/test', { ...at_, body: { url: null } })), onError: sayError });
  const replace = useMutation({
    mutationFn: (value: string) => body(api.PUT('/api/v1/teams/{team}/{environment}/credentials/{id}/value', { ...at_, body: { value: value as never } })),
    onSuccess: () => { say('The new value is in use. The old one is kept, sealed.', () => back.mutate(credential.version)); setReplacing(false); void keys.stale('credentials'); },
    onError: sayError,
  });
  const back = useMutation({
    mutationFn: (version: number) => body(api.POST('/api/v1/teams/{team}/{environment}/credentials/{id}/rollback', { ...at_, body: { version } })),
    onSuccess: () => { say('The value before is in use again.'); void keys.stale('credentials'); },
    onError: sayError,
  });
  const change = useMutation({
    mutationFn: (hosts: string[]) => body(api.PATCH('/api/v1/teams/{team}/{environment}/credentials/{id}', { ...at_, body: { hosts } as never })),
    onSuccess: (now) => { say(`It may be sent to ${now.hosts.join(', ') || 'nothing'} now.`, () => change.mutate(credential.hosts)); setEditing(false); void keys.stale('credentials'); },
    onError: sayError,
  });
  const reconnect = useMutation({
    mutationFn: () => body(api.POST('/api/v1/teams/{team}/{environment}/connections/{id}/reconnect', { ...at_, body: {} as never })),
    onSuccess: (begun) => window.location.assign(begun.authorize_url),
    onError: sayError,
  });
  const remove = useMutation({
    mutationFn: () => body(api.DELETE('/api/v1/teams/{team}/{environment}/credentials/{id}', at_)),
    onSuccess: () => { say(`${credential.name} is deleted.`); void keys.stale('credentials'); close(); },
    onError: sayError,
  });
  return (
    <Dialog open title={credential.name} onClose={close}>
      <div className="flex flex-col gap-4 text-[13px]">
        <dl className="grid grid-cols-[8rem_1fr] gap-y-1.5">
          <dt className="text-soft">Value</dt><dd className="font-mono">{credential.masked}</dd>
          <dt className="text-soft">Status</dt><dd><Status of={credential.status} /></dd>
          <dt className="text-soft">Scope</dt><dd>{membership?.name ?? 'this team'}, {environment}: nowhere else</dd>
          <dt className="text-soft">May be sent to</dt><dd className="font-mono text-xs">{credential.hosts.join(', ') || 'nowhere yet'}</dd>
          <dt className="text-soft">Version</dt><dd>{credential.version}</dd>
          <dt className="text-soft">Made</dt><dd>{at(credential.created_at)}</dd>
          <dt className="text-soft">Last used</dt><dd>{at(credential.last_used_at)}</dd>
          {credential.connection ? (
            <>
              <dt className="text-soft">Account</dt><dd>{credential.connection.account ?? '–'}</dd>
              <dt className="text-soft">Scopes</dt><dd className="break-words">{credential.connection.scopes.join(', ')}</dd>
              <dt className="text-soft">Expires</dt><dd>{credential.connection.expires_at ? at(credential.connection.expires_at) : 'never'}</dd>
            </>
          ) : null}
        </dl>
        {test.data ? <p role="status" className={test.data.works ? 'text-good' : 'text-bad'}>{test.data.works ? 'It works.' : `It does not work: ${test.data.result}.`}</p> : null}
        {editing ? (
          <form className="flex flex-col gap-2" onSubmit={(event) => { event.preventDefault(); change.mutate(String(new FormData(event.currentTarget).get('hosts')).split(/[\s,]+/).filter(Boolean)); }}>
            <TextField label="Hosts it may be sent to" name="hosts" defaultValue={credential.hosts.join(', ')} hint="Separated by commas. It is sent nowhere else." />
            <div className="flex gap-2"><Button look="primary" type="submit" busy={change.isPending}>Save</Button><Button onClick={() => setEditing(false)}>Cancel</Button></div>
          </form>
        ) : replacing ? (
          <form className="flex flex-col gap-2" onSubmit={(event) => { event.preventDefault(); replace.mutate(String(new FormData(event.currentTarget).get('value'))); }}>
            <TextArea label="New value" name="value" required rows={2} autoComplete="off" spellCheck={false} />
            <div className="flex gap-2"><Button look="primary" type="submit" busy={replace.isPending}>Replace</Button><Button onClick={() => setReplacing(false)}>Cancel</Button></div>
          </form>
        ) : (
          <div className="flex flex-wrap gap-2">
            <Button busy={test.isPending} refused={refused('credential.use')} onClick={() => test.mutate()}>Test</Button>
            {credential.connection ? <Button refused={refusal} busy={reconnect.isPending} onClick={() => reconnect.mutate()}>Connect again</Button> : <Button refused={refusal} onClick={() => setReplacing(true)}>Replace the value</Button>}
            <Button refused={refusal} onClick={() => setEditing(true)}>Change the hosts</Button>
            <Sure look="danger" really="Really delete it" refused={refusal} busy={remove.isPending} act={() => remove.mutate()}>Delete</Sure>
          </div>
        )}
      </div>
    </Dialog>
  );
}
