import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ClipboardCheck } from 'lucide-react';
import { useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { useLive } from '../../lib/live';
import { at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { TextArea } from '../../ui/field';
import { Card, Page } from '../../ui/page';
import { Empty, Failed, Skeleton, Status } from '../../ui/state';
import { Text } from '../../ui/text';
import { say, sayError } from '../../ui/toast';

export default function Approvals() {
  const { path } = useScope();
  const keys = useKeys();
  const list = useQuery({ queryKey: keys.of('approvals'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/approvals', { params: { path, query: { limit: 100 } } })) });
  useLive((event) => {
    if (event.kind.startsWith('approval') || event.kind === 'run_finished') void list.refetch();
  });
  const pending = list.data?.items.filter((one) => one.status === 'pending') ?? [];
  const decided = list.data?.items.filter((one) => one.status !== 'pending') ?? [];
  return (
    <Page title="Approvals" lead="Runs that wait for somebody to decide.">
      {list.isPending ? (
        <Skeleton />
      ) : list.isError ? (
        <Failed error={list.error} retry={() => void list.refetch()} />
      ) : (
        <>
          {pending.length === 0 ? (
            <Card>
              <Empty icon={ClipboardCheck} title="Nothing waits for you">
                A Human approval node holds a run until people have decided. What it asks shows up here.
              </Empty>
            </Card>
          ) : (
            pending.map((one) => <Waiting key={one.id} approval={one} />)
          )}
          {decided.length > 0 ? (
            <Card title="Decided" flush>
              <ul>
                {decided.map((one) => (
                  <li key={one.id} className="flex items-center gap-3 border-b border-line px-4 py-2 text-[13px] last:border-0">
                    <Link to="/t/$team/$environment/runs/$run" params={{ ...path, run: one.run }} className="min-w-0 flex-1 truncate hover:underline">
                      {one.message}
                    </Link>
                    <Status of={one.status} />
                  </li>
                ))}
              </ul>
            </Card>
          ) : null}
        </>
      )}
    </Page>
  );
}

function Waiting({ approval }: { approval: Schemas['Approval'] }) {
  const { path, refused } = useScope();
  const keys = useKeys();
  const [comment, setComment] = useState('');
  const decide = useMutation({
    mutationFn: (approve: boolean) => body(api.POST('/api/v1/teams/{team}/{environment}/approvals/{id}', { params: { path: { ...path, id: approval.id } }, body: { approve, comment: comment || null } })),
    onSuccess: (_, approve) => {
      say(approve ? 'Approved.' : 'Rejected.');
      void keys.stale('approvals');
    },
    onError: sayError,
  });
  const refusal = refused('approval.decide');
  return (
    <Card title={`Node ${approval.node}`} actions={<span className="text-xs text-soft">{approval.deadline ? `until ${at(approval.deadline)}` : 'no deadline'}</span>}>
      <div className="flex flex-col gap-3">
        <div className="text-[14px]"><Text text={approval.message} label="What is asked" /></div>
        <p className="text-xs text-soft">
          {approval.approved} of {approval.required} needed have approved ·{' '}
          <Link to="/t/$team/$environment/runs/$run" params={{ ...path, run: approval.run }} className="text-accent underline">
            see the run
          </Link>
        </p>
        <TextArea label="Comment" rows={2} maxLength={2000} value={comment} onChange={(event) => setComment(event.target.value)} hint="Stands in the run's record." />
        <div className="flex gap-2">
          <Button look="primary" refused={refusal} busy={decide.isPending} onClick={() => decide.mutate(true)}>
            Approve
          </Button>
          <Button look="danger" refused={refusal} busy={decide.isPending} onClick={() => decide.mutate(false)}>
            Reject
          </Button>
        </div>
      </div>
    </Card>
  );
}
