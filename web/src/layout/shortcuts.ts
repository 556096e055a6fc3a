import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { PAGES } from './Shell';

/** `g` then a letter goes to a page; Ctrl or Cmd with K opens the palette. Not while somebody types. */
export function useShortcuts(base: string | null, openPalette: () => void): void {
  const navigate = useNavigate();
  const armed = useRef(0);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).closest('input,textarea,select,[contenteditable],.cm-editor,dialog');
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        openPalette();
      } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && base) {
        const page = PAGES.find(({ key }) => key === event.key);
        if (performance.now() - armed.current < 1200 && page) {
          armed.current = 0;
          event.preventDefault();
          void navigate({ to: base + page.to });
        } else if (event.key === 'g') armed.current = performance.now();
        else if (event.key === '/') {
          event.preventDefault();
          openPalette();
        }
      }
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [base, navigate, openPalette]);
}
