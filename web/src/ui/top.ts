import { useSyncExternalStore } from 'react';

/** The modal dialogs that are open, the topmost last. All that lies outside it can be seen, but neither used nor heard. */
let open: HTMLElement[] = [];
const listeners = new Set<() => void>();
const change = (next: HTMLElement[]) => {
  open = next;
  for (const listener of listeners) listener();
};

/** Keeps `dialog` in mind as the topmost until the function that it gives back is called. */
export function onTop(dialog: HTMLElement): () => void {
  change([...open, dialog]);
  return () => change(open.filter((one) => one !== dialog));
}

/** The dialog in which alone something can be used now, if there is one. */
export function useTop(): HTMLElement | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => open.at(-1),
  );
}
