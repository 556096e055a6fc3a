import { X } from 'lucide-react';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { createPortal } from 'react-dom';
import { ApiError } from '../api/client';
import { useTop } from './top';

interface Note {
  id: number;
  text: string;
  tone: 'plain' | 'bad';
  undo?: () => void;
}
let notes: Note[] = [];
let last = 0;
const listeners = new Set<() => void>();
const change = (next: Note[]) => {
  notes = next;
  for (const listener of listeners) listener();
};

/** Says that something was done, with a way back where there is one. */
export function say(text: string, undo?: () => void): void {
  show({ text, tone: 'plain', ...(undo ? { undo } : {}) }, undo ? 10_000 : 5000);
}
export function sayError(error: unknown): void {
  const text = error instanceof ApiError ? `${error.problem.title}${error.problem.detail ? `: ${error.problem.detail}` : ''}` : String(error);
  show({ text, tone: 'bad' }, 12_000);
}
function show(note: Omit<Note, 'id'>, milliseconds: number) {
  const id = ++last;
  change([...notes.slice(-3), { ...note, id }]);
  setTimeout(() => dismiss(id), milliseconds);
}
const dismiss = (id: number) => change(notes.filter((note) => note.id !== id));

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notes,
  );
  // Inside the dialog that is open, if one is: its way back could not be taken from outside.
  const top = useTop();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (!element?.showPopover || !element.isConnected) return;
    if (element.matches(':popover-open')) element.hidePopover();
    if (shown.length > 0) element.showPopover();
  }, [shown, top]);
  return createPortal(
    <div ref={box} popover="manual" aria-live="polite" className="pointer-events-none fixed inset-auto right-4 bottom-4 m-0 w-[min(92vw,26rem)] flex-col gap-2 overflow-visible border-0 bg-transparent p-0 open:flex">
      {shown.map((note) => (
        <div key={note.id} className={`pointer-events-auto flex items-start gap-3 rounded-lg border px-3 py-2 text-[13px] shadow-lg ${note.tone === 'bad' ? 'border-bad/40 bg-bad-wash text-bad' : 'border-line bg-panel text-ink'}`}>
          <span className="min-w-0 flex-1 break-words">{note.text}</span>
          {note.undo ? (
            <button type="button" className="font-semibold text-accent underline" onClick={() => { note.undo?.(); dismiss(note.id); }}>
              Undo
            </button>
          ) : null}
          <button type="button" aria-label="Dismiss" onClick={() => dismiss(note.id)}>
            <X size={14} aria-hidden />
          </button>
        </div>
      ))}
    </div>,
    top ?? document.body,
  );
}
