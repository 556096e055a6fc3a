import { ShieldAlert } from 'lucide-react';
import { took } from '../../lib/time';
import type { NodeLog } from './log';

const BARS: Record<string, string> = { succeeded: 'bg-good', failed: 'bg-bad', blocked: 'bg-bad', running: 'bg-busy', waiting: 'bg-warn' };

/** Each node as a bar from its begin to its end. */
export function Waterfall({ nodes, begin, chosen, choose }: { nodes: NodeLog[]; begin: string; chosen: number; choose: (index: number) => void }) {
  const zero = new Date(begin).getTime();
  const start = (node: NodeLog) => (node.started_at ? new Date(node.started_at).getTime() - zero : 0);
  const end = (node: NodeLog) => (node.finished_at ? new Date(node.finished_at).getTime() - zero : start(node));
  const whole = Math.max(1, ...nodes.map(end));
  if (nodes.length === 0) return <p className="p-4 text-[13px] text-soft">No node has begun yet.</p>;
  return (
    <ol className="max-h-[70dvh] overflow-y-auto py-1" aria-label="Nodes in the order in which they began">
      {nodes.map((node, index) => {
        const from = (start(node) / whole) * 100;
        const wide = Math.max(1.5, ((end(node) - start(node)) / whole) * 100);
        const found = node.findings?.length ?? 0;
        return (
          <li key={`${node.path ?? ''}${node.node}-${index}`}>
            <button type="button" aria-pressed={index === chosen} onClick={() => choose(index)} className={`grid w-full grid-cols-[minmax(6rem,2fr)_3fr_4.5rem] items-center gap-3 px-4 py-1.5 text-left text-[13px] hover:bg-raised ${index === chosen ? 'bg-accent-wash' : ''}`}>
              <span className="flex min-w-0 items-center gap-1.5">
                {found > 0 ? <ShieldAlert size={14} className="shrink-0 text-bad" aria-label={`${found} findings`} /> : null}
                <span className="truncate">{node.path ? `${node.path}${node.node}` : node.node}</span>
              </span>
              <span className="relative h-2.5 rounded bg-raised" aria-hidden>
                <span className={`absolute inset-y-0 rounded ${BARS[node.status] ?? 'bg-faint'}`} style={{ left: `${Math.min(from, 98)}%`, width: `${Math.min(wide, 100 - Math.min(from, 98))}%` }} />
              </span>
              <span className="text-right text-xs text-soft tabular-nums">
                <span className="sr-only">{node.status}, </span>
                {node.finished_at ? took(end(node) - start(node)) : node.status}
              </span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
