import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ListChecks, Plus, Save } from 'lucide-react';
import { useState } from 'react';
import { api, body } from '../../api/client';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Select } from '../../ui/field';
import { Card } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton } from '../../ui/state';
import { say, sayError } from '../../ui/toast';
import type { Definition, NodeDefinition } from '../workflows/editor/document';
import { BLANK, type Rule } from './rule';
import { RuleEditor } from './RuleEditor';

/** The rules of one guardrail, where they live: in the workflow's definition, versioned with it. */
export function Rules() {
  const { path } = useScope();
  const keys = useKeys();
  const [chosen, setChosen] = useState<string>();
  const list = useQuery({ queryKey: keys.of('workflows', 'rules'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/workflows', { params: { path, query: { limit: 200 } } })) });
  const id = chosen ?? list.data?.items[0]?.id;
  const picked = list.data?.items.find((one) => one.id === id);
  const definition = useQuery({
    queryKey: keys.of('version', id, picked?.latest_version),
    enabled: picked !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => (await body(api.GET('/api/v1/teams/{team}/{environment}/workflows/{id}/versions/{version}', { params: { path: { ...path, id: id as string, version: picked?.latest_version as string } } }))).definition as unknown as Definition,
  });
  if (list.isPending) return <Card><Skeleton rows={4} /></Card>;
  if (list.isError) return <Failed error={list.error} retry={() => void list.refetch()} />;
  if (list.data.items.length === 0) {
    return <Card><Empty icon={ListChecks} title="No workflow yet">A rule of your own stands on a GUARDRAIL node of a workflow. Make a workflow first.</Empty></Card>;
  }
  return (
    <>
      <div className="flex flex-wrap items-end gap-3">
        <div className="w-full max-w-sm">
          <Select label="Rules of the workflow" value={id} onChange={(event) => setChosen(event.target.value)}>
            {list.data.items.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
          </Select>
        </div>
        {id ? <Link className="pb-1.5 text-[13px] text-accent underline" to="/t/$team/$environment/workflows/$workflow" params={{ ...path, workflow: id }}>Open it in the editor</Link> : null}
      </div>
      {definition.isError ? <Failed error={definition.error} retry={() => void definition.refetch()} /> : !definition.data || !id ? <Card><Skeleton rows={4} /></Card> : <OfWorkflow key={`${id} ${picked?.latest_version}`} id={id} first={definition.data} />}
    </>
  );
}

const NAMES = ['rules', 'customRules', 'custom_rules'];
const where = (node: NodeDefinition) => NAMES.find((name) => Array.isArray(node.parameters?.[name])) ?? 'rules';
const rulesOf = (node: NodeDefinition) => (node.parameters?.[where(node)] ?? []) as Rule[];

function OfWorkflow({ id, first }: { id: string; first: Definition }) {
  const { path, refused } = useScope();
  const keys = useKeys();
  const [definition, setDefinition] = useState(first);
  const refusal = refused('workflow.edit');
  const change = (node: NodeDefinition, rules: Rule[]) => {
    const name = where(node);
    const { [name]: _, ...others } = node.parameters ?? {};
    const next = { ...node, parameters: rules.length === 0 ? others : { ...others, [name]: rules } };
    setDefinition({ ...definition, nodes: definition.nodes.map((one) => (one.id === node.id ? next : one)) });
  };
  const save = useMutation({
    mutationFn: () => body(api.PUT('/api/v1/teams/{team}/{environment}/workflows/{id}', { params: { path: { ...path, id } }, body: { definition: definition as never } })),
    onSuccess: (saved) => {
      void keys.stale('workflows');
      void keys.stale('workflow', id);
      say(`Saved as version ${saved.latest_version.slice(0, 10)}. Publish it to put it into service.`);
    },
    onError: sayError,
  });
  const guards = definition.nodes.filter((node) => node.type === 'GUARDRAIL');
  const dirty = definition !== first;
  if (guards.length === 0) return <Card><Empty icon={ListChecks} title="This workflow has no guardrail">Add a GUARDRAIL node in the editor: rules stand on it.</Empty></Card>;
  return (
    <>
      {guards.map((node) => (
        <Card
          key={node.id}
          title={node.name || node.id}
          actions={<Button icon={<Plus size={14} aria-hidden />} refused={refusal} onClick={() => change(node, [...rulesOf(node), BLANK])}>Add a rule</Button>}
        >
          {rulesOf(node).length === 0 ? <p className="text-[13px] text-soft">No rules of your own: patterns, keywords, scripts and rules in plain language.</p> : null}
          <div className="flex flex-col gap-6 divide-y divide-line">
            {rulesOf(node).map((rule, index) => (
              <div key={index} className="pb-2 not-first:pt-6">
                <RuleEditor rule={rule} readOnly={refusal !== undefined} onChange={(next) => change(node, rulesOf(node).map((other, at) => (at === index ? next : other)))} remove={() => { const before = definition; change(node, rulesOf(node).filter((_, at) => at !== index)); say('The rule is taken out.', () => setDefinition(before)); }} />
              </div>
            ))}
          </div>
        </Card>
      ))}
      <div className="flex items-center justify-end gap-3">
        {dirty ? <Badge tone="warn">not saved</Badge> : null}
        <Button look="primary" icon={<Save size={14} aria-hidden />} refused={refusal ?? (dirty ? undefined : 'Everything is saved.')} busy={save.isPending} onClick={() => save.mutate()}>Save a new version</Button>
      </div>
    </>
  );
}
