import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { MailX } from 'lucide-react';
import { api, body, type Schemas } from '../../api/client';
import { ago, at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Empty, Failed, Skeleton } from '../../ui/state';
import { Table } from '../../ui/table';
import { say, sayError } from '../../ui/toast';
import type { Siem } from './Siem';

type Letter = Schemas['SiemDeadLetter'];

/** Events that the receiver refused for good. */
export function DeadLetters({ destination, close }: { destination: Siem; close: () => void }) {
  const { path } = useScope();
  const keys = useKeys();
  const list = useInfiniteQuery({
    queryKey: keys.of('siem', destination.id, 'letters'),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => body(api.GET('/api/v1/teams/{team}/{environment}/siem/{id}/dead-letters', { params: { path: { ...path, id: destination.id }, query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const of = (letter: Letter) => ({ params: { path: { ...path, id: destination.id, letter: letter.id } } });
  const done = () => void keys.stale('siem');
  const retry = useMutation({
    mutationFn: (letter: Letter) => body(api.POST('/api/v1/teams/{team}/{environment}/siem/{id}/dead-letters/{letter}/retry', of(letter))),
    onSuccess: (said) => { done(); if (said.delivered) say('It was taken this time.'); else sayError(`It was refused again: ${said.answer}`); },
    onError: sayError,
  });
  const drop = useMutation({ mutationFn: (letter: Letter) => body(api.DELETE('/api/v1/teams/{team}/{environment}/siem/{id}/dead-letters/{letter}', of(letter))), onSuccess: () => { done(); say('Given up. The entry itself stays in the trail.'); }, onError: sayError });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Dialog open wide title={`Dead letters of ${destination.name}`} onClose={close}>
      {list.isPending ? <Skeleton rows={3} /> : list.isError ? <Failed error={list.error} retry={() => void list.refetch()} /> : rows.length === 0 ? (
        <Empty icon={MailX} title="Nothing was refused">An event that the receiver calls bad is put aside here, so that the ones behind it go on.</Empty>
      ) : (
        <>
          <Table
            label="Dead letters"
            rows={rows}
            id={(row) => row.id}
            columns={[
              { key: 'what', title: 'Event', cell: (row) => <span>{row.stream} {row.sequence}<code className="block text-xs break-all text-faint">{row.event}</code></span> },
              { key: 'why', title: 'Why', cell: (row) => <span className="break-words">{row.reason}</span> },
              { key: 'at', title: 'When', wide: true, cell: (row) => <span title={at(row.at)} className="whitespace-nowrap">{ago(row.at)}, {row.tries} tries</span> },
              { key: 'act', title: 'Decide', cell: (row) => <span className="flex flex-wrap gap-1"><Button look="quiet" busy={retry.isPending} onClick={() => retry.mutate(row)}>Send again</Button><Button look="quiet" busy={drop.isPending} onClick={() => drop.mutate(row)}>Give up</Button></span> },
            ]}
          />
          {list.hasNextPage ? <div className="p-3 text-center"><Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</Button></div> : null}
        </>
      )}
    </Dialog>
  );
}
