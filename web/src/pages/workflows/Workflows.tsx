import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Plus, Upload, Workflow as Icon } from 'lucide-react';
import { useRef } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { ago, at } from '../../lib/time';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { More } from '../../ui/more';
import { Card, Page } from '../../ui/page';
import { Badge, Empty, Failed, Skeleton } from '../../ui/state';
import { Table } from '../../ui/table';
import { sayError } from '../../ui/toast';

const STARTER = {
  nodes: [
    { id: 'in', type: 'MANUAL_TRIGGER', position: { x: 0, y: 0 } },
    { id: 'guard', type: 'GUARDRAIL', parameters: { checks: ['PROMPT_INJECTION', 'PII_REDACTION'], severity: 'BLOCK' }, position: { x: 240, y: 0 } },
  ],
  edges: [{ from: 'in', to: 'guard' }],
};

export default function Workflows() {
  const { path, refused, environment } = useScope();
  const keys = useKeys();
  const navigate = useNavigate();
  const file = useRef<HTMLInputElement>(null);
  const list = useInfiniteQuery({
    queryKey: keys.of('workflows'),
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => body(api.GET('/api/v1/teams/{team}/{environment}/workflows', { params: { path, query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const open = (id: string) => void navigate({ to: '/t/$team/$environment/workflows/$workflow', params: { ...path, workflow: id } });
  const make = useMutation({
    mutationFn: (definition: unknown) => body(api.POST('/api/v1/teams/{team}/{environment}/workflows', { params: { path }, body: { definition: definition as never } })),
    onSuccess: (made) => {
      void keys.stale('workflows');
      open(made.id);
    },
    onError: sayError,
  });
  const take = async (chosen: File | undefined) => {
    if (!chosen) return;
    try {
      make.mutate(JSON.parse(await chosen.text()));
    } catch (error) {
      sayError(`${chosen.name} is not JSON: ${error instanceof Error ? error.message : ''}`);
    }
  };
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const refusal = refused('workflow.edit');
  const actions = (
    <>
      <input ref={file} type="file" accept="application/json,.json" className="hidden" aria-label="A workflow file" onChange={(event) => void take(event.target.files?.[0])} />
      <Button icon={<Upload size={14} aria-hidden />} refused={refusal} onClick={() => file.current?.click()}>
        Import
      </Button>
      <Button look="primary" icon={<Plus size={14} aria-hidden />} refused={refusal} busy={make.isPending} onClick={() => make.mutate({ name: `Workflow ${new Date().toISOString().slice(0, 19).replace('T', ' ')}`, ...STARTER })}>
        New workflow
      </Button>
    </>
  );
  return (
    <Page title="Workflows" lead="Graphs of typed nodes. A saved version never changes; publishing puts one into service here." actions={actions}>
      <Card flush>
        {list.isPending ? (
          <Skeleton />
        ) : list.isError ? (
          <div className="p-4">
            <Failed error={list.error} retry={() => void list.refetch()} />
          </div>
        ) : rows.length === 0 ? (
          <Empty icon={Icon} title="No workflows yet" action={actions}>
            A workflow starts at a trigger, passes guardrails before and after each model, and answers. Begin with an empty one, or import a file.
          </Empty>
        ) : (
          <Table<Schemas['Workflow']>
            label="Workflows"
            rows={rows}
            id={(row) => row.id}
            open={(row) => open(row.id)}
            columns={[
              { key: 'name', title: 'Name', cell: (row) => <span className="font-medium">{row.name}</span> },
              { key: 'here', title: `In ${environment}`, cell: (row) => (row.published[environment] ? <Badge tone="good">published</Badge> : <Badge>not published</Badge>) },
              { key: 'hooks', title: 'Webhooks', wide: true, cell: (row) => <span className="font-mono text-xs text-soft">{row.webhooks?.join(', ') || '–'}</span> },
              { key: 'by', title: 'Made', wide: true, cell: (row) => <span title={at(row.created_at)}>{ago(row.created_at)}</span> },
              { key: 'version', title: 'Version', wide: true, cell: (row) => <code className="text-xs text-soft">{row.latest_version.slice(0, 10)}</code> },
            ]}
          />
        )}
        <More list={list} />
      </Card>
    </Page>
  );
}
