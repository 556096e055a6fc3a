import '@xyflow/react/dist/style.css';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { api, body } from '../../api/client';
import { useKeys, useScope } from '../../session';
import { Failed, Skeleton } from '../../ui/state';
import { EditorView } from './editor/EditorView';
import type { Definition } from './editor/document';
import type { Schema } from './editor/SchemaForm';

export interface NodeKind {
  type: string;
  parameters: Schema;
}

export default function Editor() {
  const { path } = useScope();
  const keys = useKeys();
  const { workflow: id } = useParams({ strict: false }) as { workflow: string };
  const at = { params: { path: { ...path, id } } };
  const workflow = useQuery({ queryKey: keys.of('workflow', id), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/workflows/{id}', at)) });
  const version = workflow.data?.latest_version;
  const definition = useQuery({
    queryKey: keys.of('version', id, version),
    enabled: version !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    // A save makes a new version; the editor that made it stays as it is.
    placeholderData: (before, query) => (query?.queryKey.includes(id) ? before : undefined),
    queryFn: async () => (await body(api.GET('/api/v1/teams/{team}/{environment}/workflows/{id}/versions/{version}', { params: { path: { ...path, id, version: version as string } } }))).definition as unknown as Definition,
  });
  const kinds = useQuery({ queryKey: ['node-types'], staleTime: Number.POSITIVE_INFINITY, queryFn: async () => ((await body(api.GET('/api/v1/node-types'))) as unknown as { items: NodeKind[] }).items });
  const failed = [workflow, definition, kinds].find((query) => query.isError);
  if (failed) return <div className="p-6"><Failed error={failed.error} retry={() => void failed.refetch()} /></div>;
  if (!workflow.data || !definition.data || !kinds.data) return <Skeleton rows={10} />;
  return <EditorView key={id} workflow={workflow.data} first={definition.data} kinds={kinds.data} />;
}
