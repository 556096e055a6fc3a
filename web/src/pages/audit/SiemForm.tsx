import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Check, Select, TextField } from '../../ui/field';
import { Failed } from '../../ui/state';
import { say } from '../../ui/toast';
import type { Siem } from './Siem';

export const KINDS = [
  ['splunk_hec', 'Splunk (HTTP Event Collector)'],
  ['datadog', 'Datadog'],
  ['elasticsearch', 'Elasticsearch or OpenSearch'],
  ['webhook', 'Signed webhook'],
] as const;
type Kind = (typeof KINDS)[number][0];
type To = Schemas['SiemTo'];
/** Fields of an address: name, label, kind of input, ghost. */
const FIELDS: Record<Kind, [string, string, 'text' | 'check', string][]> = {
  splunk_hec: [['url', 'Address', 'text', 'https://splunk.example.com:8088'], ['index', 'Index', 'text', 'the token’s'], ['source', 'Source', 'text', ''], ['host', 'Host', 'text', ''], ['acknowledge', 'Wait until the indexer has it (the token must allow acknowledgement)', 'check', ''], ['gzip', 'Compress', 'check', '']],
  datadog: [['site', 'Site', 'text', 'datadoghq.com'], ['url', 'Or an address of its own', 'text', ''], ['service', 'Service', 'text', ''], ['tags', 'Tags, separated by commas', 'text', 'env:prod,team:soc'], ['gzip', 'Compress', 'check', '']],
  elasticsearch: [['url', 'Address', 'text', 'https://elastic.example.com:9200'], ['namespace', 'Namespace of the data streams', 'text', 'the environment'], ['gzip', 'Compress', 'check', '']],
  webhook: [['url', 'Address', 'text', 'https://soc.example.com/nodeloom']],
};
const SECRETS: Record<Kind, [string, string][]> = {
  splunk_hec: [['token', 'Token']],
  datadog: [['api_key', 'API key']],
  elasticsearch: [['api_key', 'API key'], ['username', 'Or user name'], ['password', 'and password'], ['bearer', 'Or bearer token']],
  webhook: [['secret', 'Signing secret'], ['previous', 'Signing secret before (while it is being changed)']],
};
const STREAMS = [['audit', 'Audit entries'], ['security', 'Security events'], ['checkpoints', 'Signed checkpoints']] as const;

/** Makes or changes a destination. Secrets go in and never come back. */
export function Destination({ known, close, made }: { known: Siem | null; close: () => void; made: (secret: string) => void }) {
  const { path } = useScope();
  const keys = useKeys();
  const [kind, setKind] = useState<Kind>((known?.to.kind as Kind | undefined) ?? 'splunk_hec');
  const save = useMutation({
    mutationFn: async (form: FormData) => {
      const word = (name: string) => String(form.get(name) ?? '').trim();
      const to: Record<string, unknown> = { kind };
      for (const [name, , as] of FIELDS[kind]) {
        if (as === 'check') to[name] = form.has(`to.${name}`);
        else if (word(`to.${name}`)) to[name] = name === 'tags' ? word(`to.${name}`).split(',').map((tag) => tag.trim()).filter(Boolean) : word(`to.${name}`);
      }
      const secrets = Object.fromEntries(SECRETS[kind].map(([name]) => [name, word(`secret.${name}`)]).filter(([, value]) => value));
      const streams = Object.fromEntries(STREAMS.map(([name]) => [name, form.has(`stream.${name}`)])) as unknown as Schemas['SiemStreams'];
      const wanted = { name: word('name'), enabled: known?.enabled ?? true, to: to as unknown as To, streams, batch: { events: Number(word('events')), bytes: Number(word('bytes')) }, secrets };
      if (known) return { secret: undefined, ...(await body(api.PUT('/api/v1/teams/{team}/{environment}/siem/{id}', { params: { path: { ...path, id: known.id } }, body: wanted }))) };
      const answer = await body(api.POST('/api/v1/teams/{team}/{environment}/siem', { params: { path }, body: { ...wanted, start: word('start') } }));
      return { ...answer.destination, secret: answer.secret };
    },
    onSuccess: (saved) => {
      void keys.stale('siem');
      say(known ? `${saved.name} is changed.` : `${saved.name} gets the trail from now on.`);
      close();
      if (saved.secret) made(saved.secret);
    },
  });
  const old = (known?.to.kind === kind ? known.to : {}) as Record<string, unknown>;
  return (
    <Dialog open wide title={known ? `Change ${known.name}` : 'New SIEM destination'} onClose={close}>
      <form className="flex flex-col gap-4" onSubmit={(event: FormEvent<HTMLFormElement>) => { event.preventDefault(); save.mutate(new FormData(event.currentTarget)); }}>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField label="Name" name="name" required maxLength={200} defaultValue={known?.name ?? ''} />
          <Select label="Kind of receiver" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
            {KINDS.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
          </Select>
        </div>
        <fieldset key={kind} className="grid gap-4 sm:grid-cols-2">
          <legend className="sr-only">Where to</legend>
          {FIELDS[kind].map(([name, label, as, ghost]) =>
            as === 'check' ? (
              <Check key={name} name={`to.${name}`} label={label} defaultChecked={Boolean(old[name])} />
            ) : (
              <TextField key={name} name={`to.${name}`} label={label} placeholder={ghost} required={name === 'url' && kind !== 'datadog'} defaultValue={Array.isArray(old[name]) ? (old[name] as string[]).join(', ') : String(old[name] ?? '')} />
            ),
          )}
        </fieldset>
        <fieldset key={`secrets of ${kind}`} className="grid gap-4 sm:grid-cols-2">
          <legend className="sr-only">Secrets</legend>
          {SECRETS[kind].map(([name, label]) => (
            <TextField key={name} name={`secret.${name}`} label={label} type="password" autoComplete="off" placeholder={known?.secrets.includes(name) ? 'kept as it is' : ''} hint={kind === 'webhook' && name === 'secret' && !known ? 'Left empty, NodeLoom makes one and shows it once.' : undefined} />
          ))}
        </fieldset>
        <div className="grid gap-4 sm:grid-cols-2">
          <fieldset className="flex flex-col gap-1.5">
            <legend className="mb-1 text-xs font-medium text-soft">What is delivered</legend>
            {STREAMS.map(([name, label]) => <Check key={name} name={`stream.${name}`} label={label} defaultChecked={known ? known.streams[name] : true} />)}
          </fieldset>
          <div className="flex flex-col gap-4">
            {known ? null : (
              <Select label="Begins" name="start" defaultValue="now">
                <option value="now">with what happens from now on</option>
                <option value="beginning">at the beginning of the trail</option>
              </Select>
            )}
            <div className="grid grid-cols-2 gap-3">
              <TextField label="Events at once" name="events" type="number" min={1} max={1000} required defaultValue={known?.batch.events ?? 500} />
              <TextField label="Bytes at once" name="bytes" type="number" min={10_000} max={4_000_000} required defaultValue={known?.batch.bytes ?? 1_000_000} />
            </div>
          </div>
        </div>
        {save.isError ? <Failed error={save.error} /> : null}
        <div className="flex justify-end gap-2">
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" busy={save.isPending}>Save</Button>
        </div>
      </form>
    </Dialog>
  );
}
