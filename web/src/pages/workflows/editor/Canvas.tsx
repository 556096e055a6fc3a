import { type Connection, Controls, type Edge, MiniMap, type NodeChange, ReactFlow } from '@xyflow/react';
import { memo, useCallback, useRef, useState } from 'react';
import type { FlowNode } from './document';
import { NodeCard } from './NodeCard';

const TYPES = { card: NodeCard };
const DELETE = ['Delete', 'Backspace'];
const OPTIONS = { hideAttribution: true };
export const FIT = { padding: 0.2, maxZoom: 1.1 };
type Places = Map<string, { x: number; y: number }>;

interface Changes {
  moved: (places: Places) => void;
  select: (changes: { id: string; selected: boolean }[]) => void;
  deleted: (nodes: Set<string>, edges: Set<string>) => void;
  connected: (connection: Connection) => void;
}

/**
 * The graph. While a node is dragged only its place on the screen changes, and only here: the document and the forms
 * around it learn of it at the end. `changes` has to stay the same object, or every frame would cost the whole page.
 */
export const Canvas = memo(function Canvas({ nodes, edges, readOnly, changes }: { nodes: FlowNode[]; edges: Edge[]; readOnly: boolean; changes: Changes }) {
  const [dragged, setDragged] = useState<Places>(new Map());
  const places = useRef<Places>(dragged);
  const show = (next: Places) => {
    places.current = next;
    setDragged(next);
  };
  const shown = dragged.size === 0 ? nodes : nodes.map((node) => (dragged.has(node.id) ? { ...node, position: dragged.get(node.id) as { x: number; y: number } } : node));
  const onNodesChange = useCallback(
    (all: NodeChange[]) => {
      const moves: Places = new Map();
      const selected: { id: string; selected: boolean }[] = [];
      let ended = false;
      for (const one of all) {
        if (one.type === 'position' && one.position) moves.set(one.id, one.position);
        if (one.type === 'position' && one.dragging === false) ended = true;
        if (one.type === 'select') selected.push(one);
      }
      if (selected.length > 0) changes.select(selected);
      if (moves.size === 0 && !ended) return;
      const next = new Map([...places.current, ...moves]);
      show(ended ? new Map() : next);
      if (ended && next.size > 0) changes.moved(next);
    },
    [changes],
  );
  // Nodes and the edges between them go together, so that one step back brings both.
  const onDelete = useCallback(({ nodes: gone, edges: cut }: { nodes: FlowNode[]; edges: Edge[] }) => changes.deleted(new Set(gone.map((one) => one.id)), new Set(cut.map((one) => one.id))), [changes]);
  return (
    <ReactFlow nodes={shown} edges={edges} nodeTypes={TYPES} onNodesChange={onNodesChange} onDelete={onDelete} onConnect={changes.connected} nodesDraggable={!readOnly} nodesConnectable={!readOnly} deleteKeyCode={readOnly ? null : DELETE} fitView fitViewOptions={FIT} minZoom={0.1} onlyRenderVisibleElements={nodes.length > 80} proOptions={OPTIONS} aria-label="The workflow's graph">
      <Controls showInteractive={false} />
      {nodes.length > 12 ? <MiniMap pannable zoomable ariaLabel="Overview" className="max-sm:hidden!" /> : null}
    </ReactFlow>
  );
});
