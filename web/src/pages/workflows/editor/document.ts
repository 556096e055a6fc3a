import type { Edge, Node } from '@xyflow/react';

export const NODE_WIDTH = 190;
export const NODE_HEIGHT = 64;

export interface NodeDefinition {
  id: string;
  type: string;
  name?: string;
  parameters?: Record<string, unknown>;
  position?: { x: number; y: number };
  test_data?: unknown;
  retry?: Record<string, unknown>;
  timeout_ms?: number;
  on_error?: string;
  [more: string]: unknown;
}
export interface EdgeDefinition {
  from: string;
  to: string;
  output?: string;
  [more: string]: unknown;
}
export interface Definition {
  name: string;
  nodes: NodeDefinition[];
  edges?: EdgeDefinition[];
  [more: string]: unknown;
}

/** What a node shows besides its definition; it never travels to the server. */
export interface Card extends Record<string, unknown> {
  node: NodeDefinition;
  outputs: string[];
  defects: string[];
  status?: string | undefined;
}
export type FlowNode = Node<Card>;

/** The ways out of a node, as its type and parameters say. */
export function outputs(node: NodeDefinition): string[] {
  const ways: string[] = [];
  switch (node.type) {
    case 'CONDITION':
      ways.push('true', 'false');
      break;
    case 'SWITCH': {
      const cases = (node.parameters?.cases ?? []) as { name?: string }[];
      ways.push(...(Array.isArray(cases) ? cases.map((one) => String(one.name ?? '')).filter(Boolean) : []), 'default');
      break;
    }
    case 'HUMAN_APPROVAL':
      ways.push('main', 'rejected');
      break;
    case 'RESPOND':
    case 'STOP_WITH_ERROR':
      break;
    default:
      ways.push('main');
  }
  if (node.type === 'RESPOND') ways.push('main');
  if (node.on_error === 'branch') ways.push('error');
  return ways;
}

const TRIGGERS = ['MANUAL_TRIGGER', 'WEBHOOK', 'SCHEDULE'];
export const isTrigger = (type: string) => TRIGGERS.includes(type);

export function edgesOf(definition: Definition): EdgeDefinition[] {
  if (definition.edges) return definition.edges;
  // Without edges the nodes run in the order in which they stand.
  return definition.nodes.slice(1).map((node, index) => ({ from: definition.nodes[index]?.id ?? '', to: node.id }));
}

const NONE: string[] = [];
const alike = (a: string[], b: string[]) => a.length === b.length && a.every((one, index) => one === b[index]);

/** The nodes as they are drawn. `drawn` holds those of the time before: one that did not change is the same object again. */
export function flowNodes(definition: Definition, defects: Map<string, string[]>, status: Map<string, string>, selected: Set<string>, drawn: Map<string, FlowNode>): FlowNode[] {
  const nodes = definition.nodes.map((node, index): FlowNode => {
    const [faults, state, chosen] = [defects.get(node.id) ?? NONE, status.get(node.id), selected.has(node.id)];
    const before = drawn.get(node.id);
    if (before && before.data.node === node && before.data.status === state && before.selected === chosen && alike(before.data.defects, faults) && (node.position || before.position.x === index * 240)) return before;
    return {
      id: node.id,
      type: 'card',
      position: node.position ?? { x: index * 240, y: 0 },
      selected: chosen,
      initialWidth: NODE_WIDTH,
      initialHeight: NODE_HEIGHT,
      data: { node, outputs: outputs(node), defects: faults, status: state },
    };
  });
  drawn.clear();
  for (const node of nodes) drawn.set(node.id, node);
  return nodes;
}

export function flowEdges(definition: Definition): Edge[] {
  return edgesOf(definition).map((edge) => ({
    id: `${edge.from}:${edge.output ?? 'main'}>${edge.to}`,
    source: edge.from,
    sourceHandle: edge.output ?? 'main',
    target: edge.to,
    ...(edge.output && edge.output !== 'main' ? { label: edge.output } : {}),
  }));
}

/** An id that no node has yet, made from the type. */
export function freshId(definition: Definition, type: string): string {
  const base = type.toLowerCase();
  const taken = new Set(definition.nodes.map((node) => node.id));
  if (!taken.has(base)) return base;
  for (let n = 2; ; n++) if (!taken.has(`${base}_${n}`)) return `${base}_${n}`;
}

/** The defects that the server found, by the node that each is about; '' holds the others. */
export function byNode(definition: Definition, defects: { path: string; message: string }[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const defect of defects) {
    const index = /^\/nodes\/(\d+)/.exec(defect.path)?.[1];
    const id = index === undefined ? '' : (definition.nodes[Number(index)]?.id ?? '');
    found.set(id, [...(found.get(id) ?? []), `${defect.path.replace(/^\/nodes\/\d+/, '') || '/'}: ${defect.message}`]);
  }
  return found;
}
