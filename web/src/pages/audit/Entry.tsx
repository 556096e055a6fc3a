import { useMutation } from '@tanstack/react-query';
import { BadgeCheck, Download } from 'lucide-react';
import { api, body, type Schemas } from '../../api/client';
import { saved } from '../../lib/save';
import { useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Json } from '../../ui/json';
import { sayError } from '../../ui/toast';

/** One entry with everything that it says, and the proof that it is in the trail. */
export function Entry({ entry, close }: { entry: Schemas['AuditEntry']; close: () => void }) {
  const { path } = useScope();
  const prove = useMutation({ mutationFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/audit/proof', { params: { path, query: { entry: entry.id } } })), onError: sayError });
  const save = () => saved(`${entry.id}.proof.json`, JSON.stringify(prove.data, null, 2), 'application/json');
  return (
    <Dialog open wide title={`${entry.operation}, number ${entry.sequence}`} onClose={close}>
      <div className="flex flex-col gap-3">
        <Json label="Entry" value={entry} />
        <div className="flex flex-wrap gap-2">
          <Button icon={<BadgeCheck size={14} aria-hidden />} busy={prove.isPending} onClick={() => prove.mutate()}>Show its proof</Button>
          {prove.data ? <Button icon={<Download size={14} aria-hidden />} onClick={save}>Save the proof</Button> : null}
        </div>
        {prove.data ? (
          <>
            <p className="text-xs text-soft">The proof ties this entry to a signed checkpoint. Check it anywhere with <code>nodeloom audit verify --proof FILE --public-key KEY</code>.</p>
            <Json label="Proof" value={prove.data} />
          </>
        ) : null}
      </div>
    </Dialog>
  );
}
