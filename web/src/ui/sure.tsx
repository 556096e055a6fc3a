import { useEffect, useState } from 'react';
import { Button, type ButtonProps } from './button';

/** A button for what cannot be undone: the first press asks, the second one does it. It forgets after a while. */
export function Sure({ children, really, act, ...rest }: Omit<ButtonProps, 'onClick' | 'children'> & { children: string; really: string; act: () => void }) {
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (!asked) return undefined;
    const timer = setTimeout(() => setAsked(false), 6000);
    return () => clearTimeout(timer);
  }, [asked]);
  return (
    <Button {...rest} onClick={() => { if (asked) act(); setAsked(!asked); }}>
      {asked ? really : children}
    </Button>
  );
}
