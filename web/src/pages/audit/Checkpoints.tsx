import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { Stamp } from 'lucide-react';
import { useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { saved } from '../../lib/save';
import { ago, at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Json } from '../../ui/json';
import { Card } from '../../ui/page';
import { Empty, Failed, Skeleton } from '../../ui/state';
import { Table } from '../../ui/table';
import { sayError } from '../../ui/toast';

type Checkpoint = Schemas['AuditCheckpoint'];

/** Signed statements of how far the trail had come. Kept elsewhere, they show later that nothing was changed since. */
export function Checkpoints() {
  const { path } = useScope();
  const keys = useKeys();
  const [chosen, setChosen] = useState<Checkpoint | null>(null);
  const list = useInfiniteQuery({
    queryKey: keys.of('checkpoints'),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => body(api.GET('/api/v1/teams/{team}/{environment}/audit/checkpoints', { params: { path, query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const key = useMutation({ mutationFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/audit/key', { params: { path } })), onSuccess: (said) => saved('nodeloom-audit-key.json', JSON.stringify(said, null, 2), 'application/json'), onError: sayError });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Card title="Signed checkpoints" flush actions={<Button busy={key.isPending} onClick={() => key.mutate()}>Save the public key</Button>}>
      {list.isPending ? <Skeleton rows={4} /> : list.isError ? <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div> : rows.length === 0 ? (
        <Empty icon={Stamp} title="None yet">A checkpoint is signed as soon as there are entries, and regularly from then on.</Empty>
      ) : (
        <Table<Checkpoint>
          label="Checkpoints"
          rows={rows}
          id={(row) => String(row.number)}
          open={setChosen}
          columns={[
            { key: 'number', title: 'Number', cell: (row) => <span className="font-medium tabular-nums">{row.number}</span> },
            { key: 'at', title: 'Signed', cell: (row) => <span title={at(row.at)}>{ago(row.at)}</span> },
            { key: 'witnesses', title: 'Witnesses', cell: (row) => row.cosignatures.map((one) => one.witness).join(', ') || 'none' },
          ]}
        />
      )}
      {list.hasNextPage ? <div className="border-t border-line p-3 text-center"><Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</Button></div> : null}
      <Dialog open={chosen !== null} wide title={`Checkpoint ${chosen?.number ?? ''}`} onClose={() => setChosen(null)}>
        {chosen ? (
          <div className="flex flex-col gap-3">
            <p className="text-[13px] text-soft">Keep the note where nobody who runs this server can change it. It is checked with <code>nodeloom audit verify</code>.</p>
            <Json label="Note" value={chosen.note} />
            <div><Button onClick={() => saved(`checkpoint-${chosen.number}.txt`, chosen.note, 'text/plain')}>Save the note</Button></div>
          </div>
        ) : null}
      </Dialog>
    </Card>
  );
}
