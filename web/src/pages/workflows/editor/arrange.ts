import dagre from '@dagrejs/dagre';
import { type Definition, edgesOf, NODE_HEIGHT, NODE_WIDTH } from './document';

/** Lays the graph out from left to right. */
export function arranged(definition: Definition): Definition {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 36, ranksep: 70 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of definition.nodes) graph.setNode(node.id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const edge of edgesOf(definition)) graph.setEdge(edge.from, edge.to);
  dagre.layout(graph);
  return {
    ...definition,
    nodes: definition.nodes.map((node) => {
      const place = graph.node(node.id);
      return { ...node, position: { x: Math.round(place.x - NODE_WIDTH / 2), y: Math.round(place.y - NODE_HEIGHT / 2) } };
    }),
  };
}
