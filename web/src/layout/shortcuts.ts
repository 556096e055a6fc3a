import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { PAGES } from './Shell';

/** Whether a key belongs to a field or a dialog. The code editor stands in a shadow root: the event's path looks into it. */
export function isTyping(event: KeyboardEvent): boolean {
  const [at] = event.composedPath();
  const inside = (element: EventTarget | null | undefined) => element instanceof Element && element.closest('input,textarea,select,[contenteditable],dialog') !== null;
  return inside(at) || inside(event.target);
}

/** `g` then a letter goes to a page; Ctrl or Cmd with K opens the palette. Not while somebody types. */
export function useShortcuts(base: string | null, openPalette: () => void): void {
  const navigate = useNavigate();
  const armed = useRef(0);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = isTyping(event);
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
