import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, body } from '../../api/client';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextField } from '../../ui/field';
import { Failed } from '../../ui/state';
import { say } from '../../ui/toast';
import type { Siem } from './Siem';

/** Sends a stream again from a sequence on. Receivers know repeated events by their id. */
export function Replay({ destination, close }: { destination: Siem; close: () => void }) {
  const { path } = useScope();
  const keys = useKeys();
  const [stream, setStream] = useState<'audit' | 'security' | 'checkpoints'>('audit');
  const replay = useMutation({
    mutationFn: (from: number) => body(api.POST('/api/v1/teams/{team}/{environment}/siem/{id}/replay', { params: { path: { ...path, id: destination.id } }, body: { stream, from } })),
    onSuccess: () => { void keys.stale('siem'); say('It is sent again.'); close(); },
  });
  return (
    <Dialog open title={`Send again to ${destination.name}`} onClose={close}>
      <form className="flex flex-col gap-4" onSubmit={(event) => { event.preventDefault(); replay.mutate(Number(new FormData(event.currentTarget).get('from'))); }}>
        <Select label="Stream" value={stream} onChange={(event) => setStream(event.target.value as typeof stream)}>
          <option value="audit">Audit entries</option>
          <option value="security">Security events</option>
          <option value="checkpoints">Checkpoints</option>
        </Select>
        <TextField label="From this sequence on" name="from" type="number" min={1} step={1} required defaultValue={1} hint={`Delivered up to ${destination.status.cursors[stream].toLocaleString()}. 1 sends everything again; events keep their ids, so a receiver can drop what it has.`} />
        {replay.isError ? <Failed error={replay.error} /> : null}
        <div className="flex justify-end gap-2">
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" type="submit" busy={replay.isPending}>Send again</Button>
        </div>
      </form>
    </Dialog>
  );
}
