import { Copy, Pin, Trash2 } from 'lucide-react';
import { useMemo } from 'react';
import { Button, IconButton } from '../../../ui/button';
import { Check, Select, TextField } from '../../../ui/field';
import { Json } from '../../../ui/json';
import { type Definition, edgesOf, freshId, isTrigger, type NodeDefinition } from './document';
import { AsJson, type Helps, type Schema, SchemaForm } from './SchemaForm';
import type { NodeLog } from '../../runs/log';
import { type LastRun, sampleFor, usePreviews } from './preview';

const NOTHING = {};
/** Parameters that are code, and no text with expressions. */
const CODE = ['code'];

/** Everything about the chosen node. */
export function NodePanel({ definition, node, schema, credentials, defects, log, last, readOnly, change, remove, copy }: { definition: Definition; node: NodeDefinition; schema: Schema | undefined; credentials: string[]; defects: string[]; log: NodeLog | undefined; last: LastRun | undefined; readOnly: boolean; change: (node: NodeDefinition, kind: string) => void; remove: () => void; copy: () => void }) {
  const sample = useMemo(() => sampleFor(definition, node, last), [definition, node, last]);
  const previews = usePreviews(node.parameters ?? NOTHING, CODE, sample);
  const helps: Helps = { credentials, expressions: expressions(definition, node), previews };
  const set = (part: Partial<NodeDefinition>, kind: string) => change({ ...node, ...part }, `${node.id}.${kind}`);
  return (
    <div className="flex flex-col gap-4">
      <div className="flex items-center justify-between gap-2">
        <h2 className="truncate text-[14px] font-semibold">{schema?.title ?? node.type}</h2>
        <div className="flex">
          <IconButton label="Copy this node" onClick={copy}>
            <Copy size={15} aria-hidden />
          </IconButton>
          <IconButton label="Delete this node" disabled={readOnly} onClick={remove}>
            <Trash2 size={15} aria-hidden />
          </IconButton>
        </div>
      </div>
      {schema?.description ? <p className="text-xs text-soft">{schema.description}</p> : null}
      {defects.length > 0 ? (
        <ul role="alert" className="flex flex-col gap-1 rounded-md bg-bad-wash px-3 py-2 text-xs text-bad">
          {defects.map((defect) => (
            <li key={defect}>{defect}</li>
          ))}
        </ul>
      ) : null}
      <fieldset disabled={readOnly} className="flex flex-col gap-3.5">
        <TextField label="Name" placeholder={node.id} value={node.name ?? ''} maxLength={200} onChange={(event) => set({ name: event.target.value || undefined } as Partial<NodeDefinition>, 'name')} hint={`Its id is ${node.id}; expressions call it nodes.${node.id}.`} />
        {schema ? <SchemaForm schema={schema} value={node.parameters ?? {}} helps={helps} onChange={(parameters, field) => set({ parameters }, field)} /> : <AsJson label="Parameters" value={node.parameters} onChange={(parameters) => set({ parameters: parameters as Record<string, unknown> }, 'json')} />}
        {Object.keys(previews).length > 0 ? <p className="text-xs text-faint">Shown in green: what the expressions yield with {sample?.from}.</p> : usesExpressions(node) && sample === null ? <p className="text-xs text-faint">Run the workflow once, or pin test data on its trigger, to see here what expressions yield.</p> : null}
        <details>
          <summary className="text-xs font-medium text-soft">When it fails, how long, test data</summary>
          <div className="mt-3 flex flex-col gap-3.5">
            {isTrigger(node.type) ? null : (
              <>
                <Select label="When it fails" value={node.on_error ?? 'fail'} onChange={(event) => set({ on_error: event.target.value === 'fail' ? undefined : event.target.value } as Partial<NodeDefinition>, 'on_error')}>
                  <option value="fail">The run fails</option>
                  <option value="continue">The run goes on</option>
                  <option value="branch">The run takes the way “error”</option>
                </Select>
                <TextField label="Longest time, in milliseconds" type="number" min={1} value={node.timeout_ms ?? ''} onChange={(event) => set({ timeout_ms: event.target.value ? Number(event.target.value) : undefined } as Partial<NodeDefinition>, 'timeout')} />
                <Check label="Try again when it fails" checked={node.retry !== undefined} onChange={(event) => set({ retry: event.target.checked ? { max_attempts: 3 } : undefined } as Partial<NodeDefinition>, 'retry')} />
              </>
            )}
            <AsJson label="Pinned test data" hint={isTrigger(node.type) ? "Offered as the run's input when you run from the editor; expressions are previewed with it." : 'Stands for what this node puts out when expressions are previewed. A run never uses it.'} value={node.test_data} onChange={(test_data) => set({ test_data }, 'test_data')} />
          </div>
        </details>
      </fieldset>
      {log ? (
        <section className="flex flex-col gap-2 border-t border-line pt-3">
          <h3 className="text-xs font-semibold text-soft">In the last run: {log.status}</h3>
          {log.failure ? <Json label="Failure" value={log.failure} /> : null}
          {log.output !== undefined ? <Json label="Output" value={log.output} /> : null}
          {log.output !== undefined && !readOnly ? (
            <div>
              <Button icon={<Pin size={14} aria-hidden />} onClick={() => set({ test_data: log.output }, 'pin')}>Pin this output as test data</Button>
            </div>
          ) : null}
          {log.printed ? <Json label="Logs" value={log.printed} /> : null}
        </section>
      ) : null}
    </div>
  );
}

const usesExpressions = (node: NodeDefinition) => JSON.stringify(node.parameters ?? {}).includes('{{');

/** What this node may name: the run's input, and every node that comes before it. */
function expressions(definition: Definition, node: NodeDefinition): string[] {
  const edges = edgesOf(definition);
  const before = new Set<string>();
  const walk = (id: string) => {
    for (const edge of edges) {
      if (edge.to === id && !before.has(edge.from)) {
        before.add(edge.from);
        walk(edge.from);
      }
    }
  };
  walk(node.id);
  return ['input', 'previous', 'run.id', ...[...before].map((id) => `nodes.${id}`)];
}

export function added(definition: Definition, type: string, position: { x: number; y: number }): { definition: Definition; id: string } {
  const id = freshId(definition, type);
  return { id, definition: { ...definition, edges: edgesOf(definition), nodes: [...definition.nodes, { id, type, position }] } };
}
