import { useState } from 'react';
import { Button } from '../../../ui/button';
import { Dialog } from '../../../ui/dialog';
import { AsJson } from './SchemaForm';

/** Asks for the run's input, and starts it. What is pinned on the trigger stands there already. */
export function RunBox({ open, close, start, busy, pinned }: { open: boolean; close: () => void; start: (input: unknown) => void; busy: boolean; pinned: unknown }) {
  return (
    <Dialog open={open} title="Run this workflow" onClose={close}>
      <Inside close={close} start={start} busy={busy} pinned={pinned} />
    </Dialog>
  );
}

function Inside({ close, start, busy, pinned }: { close: () => void; start: (input: unknown) => void; busy: boolean; pinned: unknown }) {
  const [input, setInput] = useState<unknown>(pinned ?? { text: 'Hello' });
  return (
    <div className="flex flex-col gap-4">
      <p className="text-[13px] text-soft">What you have changed is saved first. The nodes light up as they run.</p>
      <AsJson label="Input" hint="Any JSON; empty means null." value={input} onChange={setInput} />
      <div className="flex justify-end gap-2">
        <Button onClick={close}>Cancel</Button>
        <Button look="primary" busy={busy} onClick={() => start(input ?? null)}>
          Run
        </Button>
      </div>
    </div>
  );
}
