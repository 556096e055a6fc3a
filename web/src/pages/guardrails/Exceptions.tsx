import { useMutation, useQuery } from '@tanstack/react-query';
import { Plus, ShieldOff } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { at } from '../../lib/time';
import { useKeys, useMe, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextArea, TextField } from '../../ui/field';
import { Card } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton } from '../../ui/state';
import { Table } from '../../ui/table';
import { say, sayError } from '../../ui/toast';
import { KINDS, kindName } from './kinds';

type Exception = Schemas['GuardrailException'];
type Matcher = { text?: string; pattern?: string; families?: string[] };
const matcherOf = (one: Exception) => one.matcher as Matcher;
const asBody = (one: Exception) => ({ ...matcherOf(one), ...(one.check ? { check: one.check } : {}), owner: one.owner, reason: one.reason, expires_at: one.expires_at });
const day = (time: string) => time.slice(0, 10);

/** What is found and allowed all the same: by whom, why, and until when. */
export function Exceptions() {
  const { path, refused } = useScope();
  const keys = useKeys();
  const [editing, setEditing] = useState<Exception | 'new' | null>(null);
  const list = useQuery({ queryKey: keys.of('exceptions'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/guardrails/exceptions', { params: { path, query: { limit: 200 } } })) });
  const again = useMutation({ mutationFn: (one: Exception) => body(api.POST('/api/v1/teams/{team}/{environment}/guardrails/exceptions', { params: { path }, body: asBody(one) })), onSuccess: () => keys.stale('exceptions'), onError: sayError });
  const end = useMutation({
    mutationFn: (one: Exception) => body(api.DELETE('/api/v1/teams/{team}/{environment}/guardrails/exceptions/{id}', { params: { path: { ...path, id: one.id } } })),
    onSuccess: (_, one) => { void keys.stale('exceptions'); say('The exception has ended.', new Date(one.expires_at) > new Date() ? () => again.mutate(one) : undefined); },
    onError: sayError,
  });
  const refusal = refused('guardrail.manage');
  const action = <Button look="primary" icon={<Plus size={14} aria-hidden />} refused={refusal} onClick={() => setEditing('new')}>New exception</Button>;
  return (
    <Card title="Exceptions" flush actions={action}>
      {list.isPending ? <Skeleton rows={4} /> : list.isError ? <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div> : list.data.items.length === 0 ? (
        <Empty icon={ShieldOff} title="Nothing is excepted">When a check is wrong about a text that has to pass, allow exactly that, with an owner who answers for it and a day on which it ends.</Empty>
      ) : (
        <Table
          label="Exceptions"
          rows={list.data.items}
          id={(row) => row.id}
          columns={[
            { key: 'what', title: 'Allows', cell: (row) => <Allowed row={row} /> },
            { key: 'owner', title: 'Owner', cell: (row) => <span className="break-all">{row.owner}</span> },
            { key: 'why', title: 'Why', wide: true, cell: (row) => row.reason },
            { key: 'until', title: 'Until', cell: (row) => (new Date(row.expires_at) < new Date() ? <Badge>ended</Badge> : <span title={at(row.expires_at)} className="whitespace-nowrap">{day(row.expires_at)}</span>) },
            { key: 'act', title: 'Change', cell: (row) => <span className="flex flex-wrap gap-1"><Button look="quiet" refused={refusal} onClick={() => setEditing(row)}>Edit</Button><Button look="quiet" refused={refusal} onClick={() => end.mutate(row)}>End</Button></span> },
          ]}
        />
      )}
      {editing ? <Edit exception={editing === 'new' ? null : editing} close={() => setEditing(null)} /> : null}
    </Card>
  );
}

function Allowed({ row }: { row: Exception }) {
  const { text, pattern, families } = matcherOf(row);
  return (
    <span className="block max-w-72 min-w-32">
      {text !== undefined ? <span className="line-clamp-2 break-words">“{text}”</span> : pattern !== undefined ? <code className="text-xs break-all">{pattern}</code> : null}
      {families?.length ? <span className="block text-xs">{families.join(', ')}</span> : null}
      <span className="block text-xs text-soft">{row.check ? kindName(row.check) : 'every check'}</span>
    </span>
  );
}

function Edit({ exception, close }: { exception: Exception | null; close: () => void }) {
  const { path } = useScope();
  const keys = useKeys();
  const me = useMe();
  const known = exception ? matcherOf(exception) : {};
  const [by, setBy] = useState<'text' | 'pattern' | 'families'>(known.pattern !== undefined ? 'pattern' : known.text === undefined && known.families ? 'families' : 'text');
  const save = useMutation({
    mutationFn: (form: FormData) => {
      const word = (name: string) => String(form.get(name) ?? '').trim();
      const matcher = by === 'families' ? { families: word('matcher').split(/[\s,]+/).filter(Boolean) } : { [by]: String(form.get('matcher')) };
      const wanted = { ...matcher, ...(word('check') ? { check: word('check') } : {}), owner: word('owner'), reason: word('reason'), expires_at: `${word('until')}T23:59:59Z` };
      return exception
        ? body(api.PUT('/api/v1/teams/{team}/{environment}/guardrails/exceptions/{id}', { params: { path: { ...path, id: exception.id } }, body: wanted }))
        : body(api.POST('/api/v1/teams/{team}/{environment}/guardrails/exceptions', { params: { path }, body: wanted }));
    },
    onSuccess: () => {
      void keys.stale('exceptions');
      say(exception ? 'The exception is changed.' : 'It is allowed from now on.');
      close();
    },
  });
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const hints = { text: 'A finding is allowed when all of it stands in this text.', pattern: 'A finding is allowed when this pattern matches all of it.', families: 'Kinds of finding, such as instruction_override or EMAIL_ADDRESS, separated by commas.' };
  const value = by === 'families' ? known.families?.join(', ') : known[by];
  return (
    <Dialog open title={exception ? 'Change the exception' : 'New exception'} onClose={close}>
      <form className="flex flex-col gap-4" onSubmit={(event: FormEvent<HTMLFormElement>) => { event.preventDefault(); save.mutate(new FormData(event.currentTarget)); }}>
        <div className="grid gap-4 sm:grid-cols-2">
          <Select label="Of which check" name="check" defaultValue={exception?.check ?? ''}>
            <option value="">Every check</option>
            {KINDS.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
          </Select>
          <Select label="Allows by" value={by} onChange={(event) => setBy(event.target.value as typeof by)}>
            <option value="text">exact text</option>
            <option value="pattern">pattern</option>
            <option value="families">kind of finding</option>
          </Select>
        </div>
        <TextArea key={by} label="What is allowed" name="matcher" required rows={3} maxLength={8000} defaultValue={value ?? ''} hint={hints[by]} />
        <TextField label="Owner" name="owner" required maxLength={500} defaultValue={exception?.owner ?? me.email ?? ''} hint="Who answers for it." />
        <TextField label="Why" name="reason" required maxLength={500} defaultValue={exception?.reason ?? ''} />
        <TextField label="Until" name="until" type="date" required min={inDays(1)} max={inDays(365)} defaultValue={exception ? day(exception.expires_at) : inDays(90)} hint="At most a year. What has to hold for longer is a change of the rules." />
        {save.isError ? <Failed error={save.error} /> : null}
        <div className="flex justify-end gap-2">
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" busy={save.isPending}>Save</Button>
        </div>
      </form>
    </Dialog>
  );
}
