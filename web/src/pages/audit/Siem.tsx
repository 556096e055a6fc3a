import { useMutation, useQuery } from '@tanstack/react-query';
import { api, body } from '../../api/client';
import { ago } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Card } from '../../ui/page';
import { Failed, Skeleton, Status } from '../../ui/state';
import { say, sayError } from '../../ui/toast';

/** Where the trail is delivered to, and how far behind each destination is. */
export function Siem() {
  const { path } = useScope();
  const keys = useKeys();
  const list = useQuery({ queryKey: keys.of('siem'), refetchInterval: 10_000, queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/siem', { params: { path } })) });
  const test = useMutation({
    mutationFn: (id: string) => body(api.POST('/api/v1/teams/{team}/{environment}/siem/{id}/test', { params: { path: { ...path, id } } })),
    onSuccess: (said) => say(said.delivered ? 'The test event arrived.' : `The test event was not taken: ${said.answer}`),
    onError: sayError,
  });
  const resume = useMutation({
    mutationFn: (id: string) => body(api.POST('/api/v1/teams/{team}/{environment}/siem/{id}/resume', { params: { path: { ...path, id } } })),
    onSuccess: () => void list.refetch(),
    onError: sayError,
  });
  return (
    <Card title="SIEM destinations" flush>
      {list.isPending ? (
        <Skeleton rows={2} />
      ) : list.isError ? (
        <div className="p-4"><Failed error={list.error} /></div>
      ) : list.data.items.length === 0 ? (
        <p className="p-4 text-[13px] text-soft">None yet. Splunk, Datadog, Elasticsearch and signed webhooks are set up over the API: see docs/guide/siem.md.</p>
      ) : (
        <ul>
          {list.data.items.map((one) => (
            <li key={one.id} className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-2 text-[13px] last:border-0">
              <span className="min-w-40 flex-1 font-medium">{one.name}</span>
              <Status of={one.status.state} />
              <span className="text-xs text-soft">{one.status.behind.audit + one.status.behind.security} waiting · last delivered {ago(one.status.last_delivered_at)}</span>
              {one.status.last_error ? <span className="basis-full text-xs text-bad">{one.status.last_error}</span> : null}
              <Button busy={test.isPending} onClick={() => test.mutate(one.id)}>Send a test</Button>
              {one.status.state === 'ok' ? null : <Button busy={resume.isPending} onClick={() => resume.mutate(one.id)}>Try again now</Button>}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
