import { useNavigate, useSearch } from '@tanstack/react-router';
import { Tabs as Radix } from 'radix-ui';
import type { ReactNode } from 'react';

export interface Part {
  id: string;
  name: string;
  content: () => ReactNode;
}

const TRIGGER = 'shrink-0 border-b-2 border-transparent px-3 py-2 text-[13px] text-soft data-[state=active]:border-accent data-[state=active]:font-semibold data-[state=active]:text-ink';

/** Parts of a page. Which one is open stands in the address, so that a link leads to it and Back goes back. */
export function PageTabs({ label, parts }: { label: string; parts: Part[] }) {
  const navigate = useNavigate();
  const { part } = useSearch({ strict: false }) as { part?: string };
  const open = parts.find((one) => one.id === part)?.id ?? parts[0]?.id ?? '';
  return (
    <Radix.Root value={open} onValueChange={(next) => void navigate({ to: '.', search: (next === parts[0]?.id ? {} : { part: next }) as never })} className="flex min-w-0 flex-col gap-4">
      <Radix.List aria-label={label} className="flex gap-1 overflow-x-auto border-b border-line">
        {parts.map((one) => (
          <Radix.Trigger key={one.id} value={one.id} className={TRIGGER}>
            {one.name}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {parts.map((one) => (
        <Radix.Content key={one.id} value={one.id} className="flex min-w-0 flex-col gap-4">
          {one.content()}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
