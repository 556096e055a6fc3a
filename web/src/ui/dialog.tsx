import { X } from 'lucide-react';
import { type ReactNode, useEffect, useId, useLayoutEffect, useRef } from 'react';
import { IconButton } from './button';
import { onTop } from './top';

/** A modal dialog: the browser's own, which keeps focus inside, closes on Escape and gives focus back. */
export function Dialog({ open, title, onClose, children, wide }: { open: boolean; title: string; onClose: () => void; children: ReactNode; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // A dialog that is taken out of the page gives the focus back all the same.
  useEffect(() => {
    if (!open) return undefined;
    const before = document.activeElement;
    return () => {
      if (before instanceof HTMLElement && before.isConnected && document.activeElement === document.body) before.focus();
    };
  }, [open]);
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    if (open && !dialog.open) {
      dialog.showModal();
      // What is to be filled in comes first; without a field, the dialog itself: the button that closes it would open its
      // tip, and that would take the first Escape.
      (dialog.querySelector<HTMLElement>('input:not([type=hidden]),textarea,select') ?? dialog).focus();
    }
    if (!open && dialog.open) dialog.close();
  }, [open]);
  // Told before the dialog leaves the page: what was shown inside it has to stand elsewhere by then.
  useLayoutEffect(() => (open && ref.current ? onTop(ref.current) : undefined), [open]);
  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => event.target === ref.current && onClose()}
      className={`m-auto max-h-[85dvh] w-[min(94vw,${wide ? '860px' : '520px'})] overflow-auto rounded-xl border border-line bg-panel p-0 text-ink shadow-2xl ${wide ? 'max-w-[860px]' : 'max-w-[520px]'}`}
    >
      {open ? (
        <div className="flex flex-col">
          <header className="flex items-center justify-between border-b border-line px-5 py-3">
            <h2 id={id} className="text-[15px] font-semibold">
              {title}
            </h2>
            <IconButton label="Close" onClick={onClose}>
              <X size={16} aria-hidden />
            </IconButton>
          </header>
          <div className="p-5">{children}</div>
        </div>
      ) : null}
    </dialog>
  );
}
