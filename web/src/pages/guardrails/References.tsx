import { useMutation, useQuery } from '@tanstack/react-query';
import { BookOpen, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { ago, at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextArea, TextField } from '../../ui/field';
import { Card } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton } from '../../ui/state';
import { Table } from '../../ui/table';
import { say, sayError } from '../../ui/toast';

type Reference = Schemas['GuardrailReference'];

/** Texts that others are compared with by meaning: attacks, and what is harmless here. */
export function References() {
  const { path, refused } = useScope();
  const keys = useKeys();
  const [open, setOpen] = useState(false);
  const [kind, setKind] = useState<Schemas['AddGuardrailReferences']['kind']>('attack');
  const list = useQuery({ queryKey: keys.of('references'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/guardrails/references', { params: { path, query: { limit: 200 } } })) });
  const add = useMutation({
    mutationFn: (wanted: Schemas['AddGuardrailReferences']) => body(api.POST('/api/v1/teams/{team}/{environment}/guardrails/references', { params: { path }, body: wanted })),
    onSuccess: (made) => { void keys.stale('references'); say(`${made.items.length} ${made.items.length === 1 ? 'text' : 'texts'} added.`); setOpen(false); },
  });
  const remove = useMutation({
    mutationFn: (one: Reference) => body(api.DELETE('/api/v1/teams/{team}/{environment}/guardrails/references/{id}', { params: { path: { ...path, id: one.id } } })),
    onSuccess: (_, one) => { void keys.stale('references'); say('The reference is gone.', () => add.mutate({ kind: one.kind as typeof kind, ...(one.category ? { category: one.category } : {}), texts: [one.text] })); },
    onError: sayError,
  });
  const refusal = refused('guardrail.manage');
  const action = <Button look="primary" icon={<Plus size={14} aria-hidden />} refused={refusal} onClick={() => setOpen(true)}>Add texts</Button>;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const category = String(form.get('category') ?? '').trim();
    add.mutate({ kind, ...(kind === 'attack' && category ? { category } : {}), texts: String(form.get('texts')).split('\n').map((line) => line.trim()).filter(Boolean) });
  };
  return (
    <Card title="References of the semantic check" flush actions={action}>
      {list.isPending ? <Skeleton rows={4} /> : list.isError ? <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div> : list.data.items.length === 0 ? (
        <Empty icon={BookOpen} title="Only the built-in references">The check SEMANTIC_SIMILARITY finds what means the same as a known attack. Add attacks that you have met, and harmless prompts that come too near to one.</Empty>
      ) : (
        <Table<Reference>
          label="References"
          rows={list.data.items}
          id={(row) => row.id}
          columns={[
            { key: 'kind', title: 'Kind', cell: (row) => <Badge tone={row.kind === 'safe' ? 'good' : 'bad'}>{row.kind}</Badge> },
            { key: 'text', title: 'Text', cell: (row) => <span className="line-clamp-3 min-w-40 break-words">{row.text}</span> },
            { key: 'category', title: 'Category', wide: true, cell: (row) => row.category?.replaceAll('_', ' ') ?? '–' },
            { key: 'at', title: 'Added', wide: true, cell: (row) => <span title={at(row.created_at)} className="whitespace-nowrap">{ago(row.created_at)}</span> },
            { key: 'act', title: 'Change', cell: (row) => <Button look="quiet" refused={refusal} onClick={() => remove.mutate(row)}>Remove</Button> },
          ]}
        />
      )}
      <Dialog open={open} title="Add references" onClose={() => setOpen(false)}>
        <form className="flex flex-col gap-4" onSubmit={submit}>
          <Select label="Kind" value={kind} onChange={(event) => setKind(event.target.value as typeof kind)}>
            <option value="attack">Attack: what means the same is found</option>
            <option value="safe">Safe: what means the same passes</option>
          </Select>
          {kind === 'attack' ? <TextField label="Category" name="category" pattern="[a-z0-9_]{1,64}" placeholder="custom" hint="Small letters, such as instruction_override." /> : null}
          <TextArea label="Texts, one a line" name="texts" required rows={6} />
          {add.isError ? <Failed error={add.error} /> : null}
          <div className="flex justify-end gap-2">
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button look="primary" type="submit" busy={add.isPending}>Add</Button>
          </div>
        </form>
      </Dialog>
    </Card>
  );
}
