import { Handle, type NodeProps, Position } from '@xyflow/react';
import { CircleAlert } from 'lucide-react';
import { memo } from 'react';
import { type FlowNode, isTrigger } from './document';
import { iconOf } from './kinds';

const EDGE: Record<string, string> = { succeeded: 'border-good', failed: 'border-bad', blocked: 'border-bad', running: 'border-busy', waiting: 'border-warn' };

export const NodeCard = memo(function NodeCard({ data, selected }: NodeProps<FlowNode>) {
  const { node, outputs, defects, status } = data;
  const Icon = iconOf(node.type);
  return (
    <div className={`relative flex h-16 w-[190px] items-center gap-2.5 rounded-lg border-2 bg-panel px-3 text-left shadow-sm ${status ? (EDGE[status] ?? 'border-line') : defects.length > 0 ? 'border-bad' : selected ? 'border-accent' : 'border-line'} ${status === 'running' ? 'animate-pulse' : ''}`}>
      {isTrigger(node.type) ? null : <Handle type="target" position={Position.Left} className="size-3! border-strong! bg-panel!" />}
      <span className="grid size-8 shrink-0 place-items-center rounded-md bg-accent-wash text-accent">
        <Icon size={16} aria-hidden />
      </span>
      <span className="min-w-0">
        <span className="block truncate text-[13px] font-medium">{node.name || node.id}</span>
        <span className="block truncate text-[11px] text-faint">{node.type.replaceAll('_', ' ').toLowerCase()}</span>
      </span>
      {defects.length > 0 ? (
        <span className="absolute -top-2 -right-2 rounded-full bg-panel text-bad" title={defects.join('\n')}>
          <CircleAlert size={18} aria-label={`${defects.length} to mend`} />
        </span>
      ) : null}
      {outputs.map((output, index) => (
        <Handle key={output} id={output} type="source" position={Position.Right} className="size-3! border-strong! bg-panel!" style={{ top: `${((index + 1) * 100) / (outputs.length + 1)}%` }} title={output} />
      ))}
    </div>
  );
});
