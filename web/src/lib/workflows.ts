import { useQuery } from '@tanstack/react-query';
import { api, body } from '../api/client';
import { useKeys, useScope } from '../session';

const NONE = new Map<string, string>();

/** Names of workflows by id; empty until they are known. */
export function useWorkflows(): Map<string, string> {
  const { path } = useScope();
  const keys = useKeys();
  const list = useQuery({
    queryKey: keys.of('workflows', 'names'),
    staleTime: 30_000,
    queryFn: async () => {
      const names = new Map<string, string>();
      let cursor: string | undefined;
      do {
        const page = await body(api.GET('/api/v1/teams/{team}/{environment}/workflows', { params: { path, query: { limit: 200, ...(cursor ? { cursor } : {}) } } }));
        for (const one of page.items) names.set(one.id, one.name);
        cursor = page.next ?? undefined;
      } while (cursor && names.size < 2000);
      return names;
    },
  });
  return list.data ?? NONE;
}

/** The name of a workflow, for lists that hold ids. */
export function useWorkflowNames(): (id: string) => string {
  const names = useWorkflows();
  return (id) => names.get(id) ?? id;
}
