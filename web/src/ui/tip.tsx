import { Tooltip } from 'radix-ui';
import type { ReactElement } from 'react';

export function Tip({ text, children }: { text: string; children: ReactElement }) {
  return (
    <Tooltip.Root delayDuration={300}>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content sideOffset={6} collisionPadding={8} className="z-50 max-w-72 rounded-md border border-line bg-ink px-2 py-1 text-xs text-panel shadow-lg">
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
export const TipProvider = Tooltip.Provider;
