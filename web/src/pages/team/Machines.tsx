import { useMutation, useQuery } from '@tanstack/react-query';
import { Bot, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextField } from '../../ui/field';
import { Card } from '../../ui/page';
import { Empty, Failed, Skeleton } from '../../ui/state';
import { Sure } from '../../ui/sure';
import { Table } from '../../ui/table';
import { say, sayError } from '../../ui/toast';
import { ROLES, roleName } from './Team';

type Machine = Schemas['ServiceAccount'];

/** Accounts for programs: a role of their own, and keys that outlive the person who made them. */
export function Machines() {
  const { path } = useScope();
  const keys = useKeys();
  const [open, setOpen] = useState(false);
  const [keyFor, setKeyFor] = useState<Machine | null>(null);
  const list = useQuery({ queryKey: keys.of('machines'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/service-accounts', { params: { path } })) });
  const done = () => { void keys.stale('machines'); void keys.stale('members'); };
  const make = useMutation({
    mutationFn: (form: FormData) => body(api.POST('/api/v1/teams/{team}/{environment}/service-accounts', { params: { path }, body: { name: String(form.get('name')), role: String(form.get('role')) as Schemas['CreateServiceAccount']['role'] } })),
    onSuccess: (made) => { done(); setOpen(false); setKeyFor(made); },
  });
  const end = useMutation({
    mutationFn: (id: string) => body(api.DELETE('/api/v1/teams/{team}/{environment}/service-accounts/{id}', { params: { path: { ...path, id } } })),
    onSuccess: () => { done(); say('The account has ended, and its keys with it.'); },
    onError: sayError,
  });
  const rows = (list.data?.items ?? []).filter((one) => !one.disabled_at);
  const action = <Button look="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setOpen(true)}>New service account</Button>;
  return (
    <Card title="Service accounts" flush actions={rows.length > 0 ? action : null}>
      {list.isPending ? <Skeleton rows={3} /> : list.isError ? <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div> : rows.length === 0 ? (
        <Empty icon={Bot} title="No service accounts" action={action}>A program that is nobody’s own gets an account with a role of its own. Its keys go on working when the person who made them leaves.</Empty>
      ) : (
        <Table<Machine>
          label="Service accounts"
          rows={rows}
          id={(row) => row.id}
          columns={[
            { key: 'name', title: 'Name', cell: (row) => <span className="font-medium">{row.name}</span> },
            { key: 'role', title: 'Role', cell: (row) => (row.role ? roleName(row.role) : 'none') },
            { key: 'at', title: 'Made', wide: true, cell: (row) => at(row.created_at) },
            { key: 'act', title: 'Change', cell: (row) => <span className="flex flex-wrap gap-1"><Button look="quiet" onClick={() => setKeyFor(row)}>New key</Button><Sure look="quiet" really="Really end it" act={() => end.mutate(row.id)}>End</Sure></span> },
          ]}
        />
      )}
      <Dialog open={open} title="New service account" onClose={() => setOpen(false)}>
        <form className="flex flex-col gap-4" onSubmit={(event: FormEvent<HTMLFormElement>) => { event.preventDefault(); make.mutate(new FormData(event.currentTarget)); }}>
          <TextField label="Name" name="name" required maxLength={100} placeholder="CI" />
          <Select label="Role" name="role" defaultValue="operator">{ROLES.map((one) => <option key={one} value={one}>{roleName(one)}</option>)}</Select>
          {make.isError ? <Failed error={make.error} /> : null}
          <div className="flex justify-end gap-2"><Button onClick={() => setOpen(false)}>Cancel</Button><Button look="primary" type="submit" busy={make.isPending}>Make it</Button></div>
        </form>
      </Dialog>
      {keyFor ? <NewKey machine={keyFor} close={() => setKeyFor(null)} /> : null}
    </Card>
  );
}

function NewKey({ machine, close }: { machine: Machine; close: () => void }) {
  const { path } = useScope();
  const keys = useKeys();
  const make = useMutation({
    mutationFn: async (form: FormData) => (await body(api.POST('/api/v1/teams/{team}/{environment}/service-accounts/{id}/api-keys', { params: { path: { ...path, id: machine.id } }, body: { name: String(form.get('name')), expires_in_days: Number(form.get('days')) } }))) as unknown as { value: string },
    onSuccess: () => void keys.stale('api-keys'),
  });
  return (
    <Dialog open title={`New key of ${machine.name}`} onClose={close}>
      {make.data ? (
        <div className="flex flex-col gap-3 text-[13px]">
          <p>Copy the key now. It is not shown again.</p>
          <code className="rounded-md border border-line bg-canvas p-3 text-xs break-all">{make.data.value}</code>
          <div className="flex justify-end gap-2"><Button onClick={() => { void navigator.clipboard.writeText(make.data.value); say('Copied.'); }}>Copy</Button><Button look="primary" onClick={close}>Done</Button></div>
        </div>
      ) : (
        <form className="flex flex-col gap-4" onSubmit={(event: FormEvent<HTMLFormElement>) => { event.preventDefault(); make.mutate(new FormData(event.currentTarget)); }}>
          <TextField label="Name" name="name" required maxLength={200} defaultValue={machine.name} />
          <Select label="Works for" name="days" defaultValue="90">{[7, 30, 90, 365].map((days) => <option key={days} value={days}>{days} days</option>)}</Select>
          {make.isError ? <Failed error={make.error} /> : null}
          <div className="flex justify-end gap-2"><Button onClick={close}>Not now</Button><Button look="primary" type="submit" busy={make.isPending}>Make the key</Button></div>
        </form>
      )}
    </Dialog>
  );
}
