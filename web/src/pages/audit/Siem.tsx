import { useMutation, useQuery } from '@tanstack/react-query';
import { Plus, RadioTower } from 'lucide-react';
import { useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { ago, at, took } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Card } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton, type Tone } from '../../ui/state';
import { say, sayError } from '../../ui/toast';
import { DeadLetters } from './DeadLetters';
import { Replay } from './Replay';
import { Destination, KINDS } from './SiemForm';

export type Siem = Schemas['SiemDestination'];
const TONES: Record<string, Tone> = { ok: 'good', lagging: 'warn', held: 'bad', broken: 'bad' };
const STREAMS = ['audit', 'security', 'checkpoints'] as const;

/** Where the trail is delivered to, how far behind each destination is, and why. */
export function SiemDestinations() {
  const { path } = useScope();
  const keys = useKeys();
  const [editing, setEditing] = useState<Siem | 'new' | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const list = useQuery({ queryKey: keys.of('siem'), refetchInterval: 5000, queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/siem', { params: { path } })) });
  const action = <Button look="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setEditing('new')}>New destination</Button>;
  return (
    <Card title="SIEM destinations" flush actions={list.data?.items.length ? action : null}>
      {list.isPending ? (
        <Skeleton rows={3} />
      ) : list.isError ? (
        <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div>
      ) : list.data.items.length === 0 ? (
        <Empty icon={RadioTower} title="Delivered nowhere yet" action={action}>
          Audit entries, security events and signed checkpoints go to Splunk, Datadog, Elasticsearch or a signed webhook: at least once, in order, without a gap.
        </Empty>
      ) : (
        <ul>
          {list.data.items.map((one) => <Row key={one.id} destination={one} edit={() => setEditing(one)} />)}
        </ul>
      )}
      {editing ? <Destination known={editing === 'new' ? null : editing} close={() => setEditing(null)} made={setSecret} /> : null}
      <Dialog open={secret !== null} title="The webhook’s signing secret" onClose={() => setSecret(null)}>
        <div className="flex flex-col gap-3 text-[13px]">
          <p>Copy it to the receiver now. It is not shown again.</p>
          <code className="rounded-md border border-line bg-canvas p-3 text-xs break-all">{secret}</code>
          <div className="flex justify-end gap-2">
            <Button onClick={() => { void navigator.clipboard.writeText(secret ?? ''); say('Copied.'); }}>Copy</Button>
            <Button look="primary" onClick={() => setSecret(null)}>Done</Button>
          </div>
        </div>
      </Dialog>
    </Card>
  );
}

function Row({ destination: one, edit }: { destination: Siem; edit: () => void }) {
  const { path } = useScope();
  const keys = useKeys();
  const [sure, setSure] = useState(false);
  const [replaying, setReplaying] = useState(false);
  const [letters, setLetters] = useState(false);
  const here = { params: { path: { ...path, id: one.id } } };
  const done = () => void keys.stale('siem');
  const test = useMutation({
    mutationFn: () => body(api.POST('/api/v1/teams/{team}/{environment}/siem/{id}/test', here)),
    onSuccess: (said) => (said.delivered ? say(`${one.name} took the test event.`) : sayError(`${one.name} did not take the test event: ${said.answer}`)),
    onError: sayError,
  });
  const resume = useMutation({ mutationFn: () => body(api.POST('/api/v1/teams/{team}/{environment}/siem/{id}/resume', here)), onSuccess: done, onError: sayError });
  const enable = useMutation({
    mutationFn: (enabled: boolean) => body(api.PUT('/api/v1/teams/{team}/{environment}/siem/{id}', { ...here, body: { name: one.name, enabled, to: one.to, streams: one.streams, batch: one.batch } })),
    onSuccess: (now) => { done(); say(now.enabled ? `${now.name} gets what waited for it.` : `${now.name} is paused. What happens waits for it.`, () => enable.mutate(!now.enabled)); },
    onError: sayError,
  });
  const remove = useMutation({
    mutationFn: () => body(api.DELETE('/api/v1/teams/{team}/{environment}/siem/{id}', here)),
    onSuccess: () => { done(); say(`${one.name} is forgotten, and its secrets with it.`); },
    onError: sayError,
  });
  const { status } = one;
  const behind = STREAMS.reduce((sum, stream) => sum + status.behind[stream], 0);
  const url = 'url' in one.to && one.to.url ? one.to.url : 'site' in one.to && one.to.site ? one.to.site : '';
  return (
    <li className="flex flex-col gap-2 border-b border-line px-4 py-3 text-[13px] last:border-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="font-medium">{one.name}</span>
        <Badge tone={one.enabled ? (TONES[status.state] ?? 'idle') : 'idle'}>{one.enabled ? status.state : 'paused'}</Badge>
        <span className="min-w-0 text-xs break-all text-soft">{KINDS.find(([id]) => id === one.to.kind)?.[1]} · {url}</span>
      </div>
      <dl className="grid grid-cols-2 gap-x-4 gap-y-1 text-xs sm:grid-cols-4">
        <Fact name="Waiting" value={`${behind.toLocaleString()}${status.oldest_waiting_seconds ? `, the oldest for ${took(status.oldest_waiting_seconds * 1000)}` : ''}`} />
        <Fact name="Delivered" value={`${status.delivered.toLocaleString()}, last ${ago(status.last_delivered_at)}`} title={at(status.last_delivered_at)} />
        <Fact name="Repeated" value={`${status.retries.toLocaleString()}${status.attempts > 0 ? `, ${status.attempts} failures in a row` : ''}`} />
        <Fact name="Dead letters" value={status.dead_letters.toLocaleString()} />
      </dl>
      {status.reason || status.last_error ? (
        <p className={`text-xs break-words ${status.state === 'ok' ? 'text-soft' : 'text-bad'}`}>
          {status.reason ?? ''} {status.last_error ? `Last error ${ago(status.last_error_at)}: ${status.last_error}` : ''} {status.retry_at ? `Next try ${ago(status.retry_at)}.` : ''}
        </p>
      ) : null}
      <div className="flex flex-wrap gap-1.5">
        <Button busy={test.isPending} onClick={() => test.mutate()}>Send a test</Button>
        {one.enabled && status.state !== 'ok' ? <Button busy={resume.isPending} onClick={() => resume.mutate()}>Try again now</Button> : null}
        <Button busy={enable.isPending} onClick={() => enable.mutate(!one.enabled)}>{one.enabled ? 'Pause' : 'Go on'}</Button>
        <Button onClick={edit}>Edit</Button>
        <Button onClick={() => setReplaying(true)}>Replay</Button>
        <Button onClick={() => setLetters(true)}>Dead letters</Button>
        <Button look="danger" busy={remove.isPending} onClick={() => (sure ? remove.mutate() : setSure(true))}>{sure ? 'Really delete it' : 'Delete'}</Button>
      </div>
      {replaying ? <Replay destination={one} close={() => setReplaying(false)} /> : null}
      {letters ? <DeadLetters destination={one} close={() => setLetters(false)} /> : null}
    </li>
  );
}

function Fact({ name, value, title }: { name: string; value: string; title?: string }) {
  return (
    <div title={title}>
      <dt className="text-faint">{name}</dt>
      <dd className="tabular-nums">{value}</dd>
    </div>
  );
}
