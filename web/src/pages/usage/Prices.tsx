import { useMutation } from '@tanstack/react-query';
import { CircleDollarSign, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextField } from '../../ui/field';
import { Card } from '../../ui/page';
import { Empty, Failed, Skeleton } from '../../ui/state';
import { Table } from '../../ui/table';
import { say, sayError } from '../../ui/toast';
import { useBilling } from './Limits';

type Price = Schemas['ModelPrice'];
const PROVIDERS: [Price['provider'], string][] = [['open_ai', 'OpenAI or compatible'], ['anthropic', 'Anthropic'], ['ollama', 'Ollama'], ['local', 'Local']];
const idOf = (price: Price) => `${price.provider}/${price.model}`;

/** What models cost here. Costs are always told at the prices that are set now. */
export function Prices() {
  const { path } = useScope();
  const keys = useKeys();
  const billing = useBilling();
  const [editing, setEditing] = useState<Price | 'new' | null>(null);
  const prices = billing.data?.prices ?? [];
  const set = useMutation({
    mutationFn: (next: Price[]) => body(api.PUT('/api/v1/teams/{team}/{environment}/billing/prices', { params: { path }, body: { prices: next } })),
    onSuccess: () => { void keys.stale('billing'); void keys.stale('usage'); },
    onError: sayError,
  });
  const remove = (price: Price) => set.mutate(prices.filter((one) => one !== price), { onSuccess: () => say(`${idOf(price)} has no price any more.`, () => set.mutate(prices)) });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const next: Price = { provider: String(form.get('provider')) as Price['provider'], model: String(form.get('model')).trim(), input_usd: Number(form.get('input')), output_usd: Number(form.get('output')) };
    const others = prices.filter((one) => one !== editing && idOf(one) !== idOf(next));
    set.mutate([...others, next].sort((a, b) => idOf(a).localeCompare(idOf(b))), { onSuccess: () => { setEditing(null); say(`The price of ${idOf(next)} is set.`); } });
  };
  const known = editing === 'new' ? null : editing;
  const action = <Button icon={<Plus size={14} aria-hidden />} onClick={() => setEditing('new')}>Add a price</Button>;
  return (
    <Card title="Prices of models" flush actions={prices.length > 0 ? action : null}>
      {billing.isPending ? <Skeleton rows={3} /> : billing.isError ? <div className="p-4"><Failed error={billing.error} /></div> : prices.length === 0 ? (
        <Empty icon={CircleDollarSign} title="No prices yet" action={action}>Say what your providers ask for a million tokens, and costs are told everywhere. Local models cost nothing.</Empty>
      ) : (
        <Table<Price>
          label="Prices, in US dollars for a million tokens"
          rows={prices}
          id={idOf}
          columns={[
            { key: 'model', title: 'Model', cell: (row) => <span className="break-all">{idOf(row)}</span> },
            { key: 'in', title: 'In', className: 'text-right tabular-nums', cell: (row) => `$${row.input_usd}` },
            { key: 'out', title: 'Out', className: 'text-right tabular-nums', cell: (row) => `$${row.output_usd}` },
            { key: 'act', title: 'Change', cell: (row) => <span className="flex gap-1"><Button look="quiet" onClick={() => setEditing(row)}>Edit</Button><Button look="quiet" onClick={() => remove(row)}>Remove</Button></span> },
          ]}
        />
      )}
      <Dialog open={editing !== null} title={known ? `Price of ${idOf(known)}` : 'Price of a model'} onClose={() => setEditing(null)}>
        <form className="flex flex-col gap-4" onSubmit={submit}>
          <Select label="Provider" name="provider" defaultValue={known?.provider ?? 'open_ai'}>
            {PROVIDERS.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
          </Select>
          <TextField label="Model" name="model" required maxLength={200} placeholder="gpt-5-mini" defaultValue={known?.model ?? ''} hint="One that ends in * stands for all that begin so." />
          <div className="grid grid-cols-2 gap-3">
            <TextField label="A million tokens in, USD" name="input" type="number" min={0} max={1_000_000} step="any" required defaultValue={known?.input_usd ?? ''} />
            <TextField label="A million tokens out, USD" name="output" type="number" min={0} max={1_000_000} step="any" required defaultValue={known?.output_usd ?? ''} />
          </div>
          <div className="flex justify-end gap-2">
            <Button onClick={() => setEditing(null)}>Cancel</Button>
            <Button look="primary" type="submit" busy={set.isPending}>Save</Button>
          </div>
        </form>
      </Dialog>
    </Card>
  );
}
