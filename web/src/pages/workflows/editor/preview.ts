import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api, body } from '../../../api/client';
import { useSettled } from '../../../lib/settled';
import { useKeys, useScope } from '../../../session';
import type { NodeLog } from '../../runs/log';
import { type Definition, edgesOf, isTrigger, type NodeDefinition } from './document';

export interface Preview {
  value?: unknown;
  cut?: boolean;
  error?: string;
}
/** The run that previews take their values from. */
export interface LastRun {
  input?: unknown;
  nodes: NodeLog[];
}
export interface Sample {
  input: unknown;
  previous: unknown;
  nodes: Record<string, unknown>;
  /** In words, for whoever reads the preview. */
  from: string;
}

/** What expressions of `node` are tried with: pinned test data first, then what the last run put out. */
export function sampleFor(definition: Definition, node: NodeDefinition, last: LastRun | undefined): Sample | null {
  const nodes: Record<string, unknown> = {};
  let pinned = false;
  for (const one of definition.nodes) {
    const log = last?.nodes.find((known) => known.node === one.id && !known.path);
    if (one.test_data !== undefined) {
      nodes[one.id] = one.test_data;
      pinned = true;
    } else if (log?.output !== undefined) nodes[one.id] = log.output;
  }
  const trigger = definition.nodes.find((one) => isTrigger(one.type));
  const input = trigger?.test_data ?? last?.input;
  if (input !== undefined && trigger && !(trigger.id in nodes)) nodes[trigger.id] = input;
  const before = edgesOf(definition).filter((edge) => edge.to === node.id).map((edge) => edge.from);
  const known = before.find((id) => id in nodes);
  if (input === undefined && Object.keys(nodes).length === 0) return null;
  return { input: input ?? null, previous: known === undefined ? (input ?? null) : nodes[known], nodes, from: pinned && last ? 'pinned test data and the last run' : pinned ? 'pinned test data' : 'the last run' };
}

const holds = (value: unknown): boolean => {
  if (typeof value === 'string') return /\{\{|\{%/.test(value);
  // Bodies of loops and tools are graphs of their own, with values of their own.
  if (value && typeof value === 'object' && !('nodes' in value)) return Object.values(value).some(holds);
  return false;
};

/** What the expressions among `parameters` yield with `sample`, by parameter. The server evaluates them, as in a run. */
export function usePreviews(parameters: Record<string, unknown>, skip: string[], sample: Sample | null): Record<string, Preview> {
  const { path } = useScope();
  const keys = useKeys();
  const wanted = useMemo(() => Object.fromEntries(Object.entries(parameters).filter(([name, value]) => !skip.includes(name) && holds(value))), [parameters, skip]);
  const asked = useSettled(useMemo(() => ({ expressions: wanted, ...(sample ? { input: sample.input, previous: sample.previous, nodes: sample.nodes } : {}) }), [wanted, sample]), 300);
  const answer = useQuery({
    queryKey: keys.of('preview', asked),
    enabled: sample !== null && Object.keys(asked.expressions).length > 0,
    gcTime: 5000,
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (before) => before,
    retry: false,
    queryFn: () => body(api.POST('/api/v1/teams/{team}/{environment}/workflows/preview', { params: { path }, body: asked as never })),
  });
  const results = answer.data?.results as Record<string, Preview> | undefined;
  return useMemo(() => Object.fromEntries(Object.keys(wanted).flatMap((name) => (results?.[name] ? [[name, results[name]]] : []))), [wanted, results]);
}
