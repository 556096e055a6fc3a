import { useMutation, useQuery } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { api, body } from '../../api/client';
import { ago, at } from '../../lib/time';
import { ENVIRONMENTS, useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Check, Select, TextField } from '../../ui/field';
import { Card } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton } from '../../ui/state';
import { Sure } from '../../ui/sure';
import { Table } from '../../ui/table';
import { say, sayError } from '../../ui/toast';

export function ApiKeys() {
  const { path, membership } = useScope();
  const keys = useKeys();
  const [open, setOpen] = useState(false);
  const [value, setValue] = useState<string | null>(null);
  const list = useQuery({ queryKey: keys.of('api-keys'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/api-keys', { params: { path, query: { limit: 200 } } })) });
  const make = useMutation({
    mutationFn: (form: FormData) => {
      const permissions = form.getAll('permission').map(String);
      const environments = form.getAll('environment').map(String);
      const addresses = String(form.get('addresses')).split(/[\s,]+/).filter(Boolean);
      return body(api.POST('/api/v1/teams/{team}/{environment}/api-keys', { params: { path }, body: { name: String(form.get('name')), expires_in_days: Number(form.get('days')), ...(permissions.length ? { permissions } : {}), ...(environments.length ? { environments } : {}), ...(addresses.length ? { addresses } : {}) } }));
    },
    onSuccess: (made) => { void keys.stale('api-keys'); setValue((made as unknown as { value: string }).value); },
  });
  const revoke = useMutation({ mutationFn: (id: string) => body(api.DELETE('/api/v1/teams/{team}/{environment}/api-keys/{id}', { params: { path: { ...path, id } } })), onSuccess: () => { say('The key works no more.'); void keys.stale('api-keys'); }, onError: sayError });
  const close = () => { setOpen(false); setValue(null); make.reset(); };
  const rows = (list.data?.items ?? []).filter((one) => !one.revoked_at);
  const action = <Button look="primary" onClick={() => setOpen(true)}>New key</Button>;
  return (
    <Card title="API keys" flush actions={action}>
      {list.isPending ? <Skeleton rows={3} /> : list.isError ? <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div> : rows.length === 0 ? (
        <Empty icon={KeyRound} title="No keys" action={action}>A key lets a program act as you, with fewer rights if you choose so.</Empty>
      ) : (
        <Table
          label="API keys"
          rows={rows}
          id={(row) => row.id}
          columns={[
            { key: 'name', title: 'Name', cell: (row) => <span><span className="font-medium">{row.name}</span> <code className="text-xs text-faint">{row.prefix}…</code></span> },
            { key: 'rights', title: 'Rights', cell: (row) => (row.permissions ? <span title={row.permissions.join(', ')}>{row.permissions.length} permissions</span> : <Badge>all of its owner</Badge>) },
            { key: 'from', title: 'From', wide: true, cell: (row) => (row.addresses.length ? row.addresses.join(', ') : 'anywhere') },
            { key: 'used', title: 'Last used', wide: true, cell: (row) => (row.last_used_at ? `${ago(row.last_used_at)}${row.last_used_from ? ` from ${row.last_used_from}` : ''}` : 'never') },
            { key: 'until', title: 'Until', wide: true, cell: (row) => at(row.expires_at) },
            { key: 'act', title: '', cell: (row) => <Sure look="quiet" really="Really revoke" act={() => revoke.mutate(row.id)}>Revoke</Sure> },
          ]}
        />
      )}
      <Dialog open={open} title="New API key" onClose={close}>
        {value ? (
          <div className="flex flex-col gap-3 text-[13px]">
            <p>Copy the key now. It is not shown again.</p>
            <code className="rounded-md border border-line bg-canvas p-3 text-xs break-all">{value}</code>
            <div className="flex justify-end gap-2"><Button onClick={() => { void navigator.clipboard.writeText(value); say('Copied.'); }}>Copy</Button><Button look="primary" onClick={close}>Done</Button></div>
          </div>
        ) : (
          <form className="flex flex-col gap-4" onSubmit={(event: FormEvent<HTMLFormElement>) => { event.preventDefault(); make.mutate(new FormData(event.currentTarget)); }}>
            <TextField label="Name" name="name" required maxLength={200} placeholder="CI of the support agent" />
            <Select label="Works for" name="days" defaultValue="90">{[7, 30, 90, 365].map((days) => <option key={days} value={days}>{days} days</option>)}</Select>
            <TextField label="Only from these addresses" name="addresses" placeholder="203.0.113.0/24" hint="CIDR ranges, separated by commas. Empty: anywhere." />
            <fieldset className="flex flex-wrap gap-4"><legend className="mb-1 text-xs font-medium text-soft">Only in these environments (none: all)</legend>{ENVIRONMENTS.map((one) => <Check key={one} name="environment" value={one} label={one} />)}</fieldset>
            <details><summary className="text-xs font-medium text-soft">Only these permissions (none: all of yours)</summary><div className="mt-2 grid grid-cols-2 gap-1">{membership?.permissions.map((one) => <Check key={one} name="permission" value={one} label={one} />)}</div></details>
            {make.isError ? <Failed error={make.error} /> : null}
            <div className="flex justify-end gap-2"><Button onClick={close}>Cancel</Button><Button look="primary" type="submit" busy={make.isPending}>Make the key</Button></div>
          </form>
        )}
      </Dialog>
    </Card>
  );
}
