import { PanelLeftClose } from 'lucide-react';
import { memo, useState } from 'react';
import { IconButton } from '../../../ui/button';
import { TextField } from '../../../ui/field';
import type { NodeKind } from '../Editor';
import { GROUPS, groupOf, iconOf } from './kinds';

/** Node types to drag onto the canvas, or to add with Enter. */
export const NodePalette = memo(function NodePalette({ kinds, add, close }: { kinds: NodeKind[]; add: (type: string) => void; close: () => void }) {
  const [text, setText] = useState('');
  const fits = (kind: NodeKind) => `${kind.type} ${kind.parameters.title ?? ''} ${kind.parameters.description ?? ''}`.toLowerCase().includes(text.toLowerCase());
  return (
    <aside aria-label="Node types" className="flex w-52 shrink-0 flex-col border-r border-line bg-panel max-sm:absolute max-sm:inset-y-12 max-sm:left-0 max-sm:z-10">
      <div className="flex items-center gap-1 p-2">
        <div className="min-w-0 flex-1">
          <TextField bare label="Find a node type" placeholder="Find a node type" value={text} onChange={(event) => setText(event.target.value)} />
        </div>
        <IconButton label="Hide the palette" onClick={close}>
          <PanelLeftClose size={16} aria-hidden />
        </IconButton>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto px-2 pb-3">
        {GROUPS.map((group) => {
          const members = kinds.filter((kind) => groupOf(kind.type) === group && fits(kind));
          return members.length === 0 ? null : (
            <section key={group} aria-label={group}>
              <h2 className="px-2 pt-3 pb-1 text-xs font-medium text-faint">{group}</h2>
              {members.map((kind) => {
                const Icon = iconOf(kind.type);
                return (
                  <button key={kind.type} type="button" draggable title={kind.parameters.description} onDragStart={(event) => event.dataTransfer.setData('application/x-nodeloom', kind.type)} onClick={() => add(kind.type)} className="flex h-8 w-full items-center gap-2 rounded-md px-2 text-left text-[13px] hover:bg-raised">
                    <Icon size={15} className="text-soft" aria-hidden /> {kind.parameters.title ?? kind.type}
                  </button>
                );
              })}
            </section>
          );
        })}
      </div>
    </aside>
  );
});
