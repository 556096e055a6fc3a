import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import { useState } from 'react';
import { api, body, type Schemas } from '../../api/client';
import { saved } from '../../lib/save';
import { at } from '../../lib/time';
import { ENVIRONMENTS, useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Card, Page } from '../../ui/page';
import { Badge, Failed, Skeleton } from '../../ui/state';
import { Sure } from '../../ui/sure';
import { say, sayError } from '../../ui/toast';

/** Every saved version, the difference between two, and where each is in service. */
export default function Versions() {
  const { path, environment, refused } = useScope();
  const keys = useKeys();
  const navigate = useNavigate();
  const { workflow: id } = useParams({ strict: false }) as { workflow: string };
  const here = { ...path, id };
  const workflow = useQuery({ queryKey: keys.of('workflow', id), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/workflows/{id}', { params: { path: here } })) });
  const versions = useQuery({ queryKey: keys.of('versions', id), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/workflows/{id}/versions', { params: { path: here, query: { limit: 100 } } })) });
  const [from, setFrom] = useState<string>();
  const [to, setTo] = useState<string>();
  const items = versions.data?.items ?? [];
  const [a, b] = [from ?? items[1]?.version, to ?? items[0]?.version];
  const difference = useQuery({ queryKey: keys.of('diff', id, a, b), enabled: Boolean(a && b && a !== b), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/workflows/{id}/diff', { params: { path: here, query: { from: a as string, to: b as string } } })) });
  const publish = useMutation({
    mutationFn: (version: string) => body(api.POST('/api/v1/teams/{team}/{environment}/workflows/{id}/publish', { params: { path: here }, body: { version } })),
    onSuccess: () => { void workflow.refetch(); void keys.stale('workflows'); say(`In service in ${environment}.`); },
    onError: sayError,
  });
  const promote = useMutation({
    mutationFn: (where: Schemas['PromoteTo']['to']) => body(api.POST('/api/v1/teams/{team}/{environment}/workflows/{id}/promote', { params: { path: here }, body: { to: where } })),
    onSuccess: (_, where) => { void workflow.refetch(); say(`Promoted to ${where}.`); },
    onError: sayError,
  });
  const unpublish = useMutation({
    mutationFn: () => body(api.POST('/api/v1/teams/{team}/{environment}/workflows/{id}/unpublish', { params: { path: here } })),
    onSuccess: () => {
      const was = workflow.data?.published[environment];
      void workflow.refetch();
      void keys.stale('workflows');
      say(`Out of service in ${environment}.`, was ? () => publish.mutate(was) : undefined);
    },
    onError: sayError,
  });
  const remove = useMutation({
    mutationFn: () => body(api.DELETE('/api/v1/teams/{team}/{environment}/workflows/{id}', { params: { path: here } })),
    onSuccess: () => { void keys.stale('workflows'); say(`${workflow.data?.name} is deleted.`); void navigate({ to: '/t/$team/$environment/workflows', params: path }); },
    onError: sayError,
  });
  const save = async () => saved(`${workflow.data?.name ?? 'workflow'}.json`, JSON.stringify(await body(api.GET('/api/v1/teams/{team}/{environment}/workflows/{id}/export', { params: { path: here } })), null, 2), 'application/json');
  if (workflow.isError) return <div className="p-6"><Failed error={workflow.error} /></div>;
  if (!workflow.data || versions.isPending) return <Skeleton />;
  const after = ENVIRONMENTS[ENVIRONMENTS.indexOf(environment) + 1];
  const somewhere = Object.keys(workflow.data.published);
  return (
    <Page
      title={`Versions of ${workflow.data.name}`}
      actions={
        <>
          <Link to="/t/$team/$environment/workflows/$workflow" params={{ ...path, workflow: id }} className="text-[13px] text-accent underline">
            Back to the editor
          </Link>
          <Button icon={<Download size={14} aria-hidden />} onClick={() => void save().catch(sayError)}>Save as a file</Button>
          <Button refused={refused('workflow.edit') ?? (workflow.data.published[environment] ? undefined : `It is not in service in ${environment}.`)} busy={unpublish.isPending} onClick={() => unpublish.mutate()}>Take out of service</Button>
          <Sure look="danger" really="Really delete it" refused={refused('workflow.delete') ?? (somewhere.length > 0 ? `It is in service in ${somewhere.join(' and ')}.` : undefined)} busy={remove.isPending} act={() => remove.mutate()}>Delete</Sure>
          {after ? (
            <Button refused={refused('environment.promote') ?? (workflow.data.published[environment] ? undefined : `Nothing is published in ${environment} yet.`)} busy={promote.isPending} onClick={() => promote.mutate(after as Schemas['PromoteTo']['to'])}>
              Promote to {after}
            </Button>
          ) : null}
        </>
      }
    >
      <div className="grid gap-4 lg:grid-cols-[minmax(0,2fr)_minmax(0,3fr)]">
        <Card title="Saved" flush>
          <ul>
            {items.map((one) => (
              <li key={one.version} className="flex flex-wrap items-center gap-2 border-b border-line px-4 py-2 text-[13px] last:border-0">
                <code className="font-medium">{one.version.slice(0, 10)}</code>
                {Object.entries(workflow.data.published).filter(([, version]) => version === one.version).map(([where]) => <Badge key={where} tone="good">{where}</Badge>)}
                <span className="flex-1 text-xs text-faint">{at(one.created_at)}</span>
                <Button look="quiet" aria-pressed={one.version === a} onClick={() => setFrom(one.version)}>From</Button>
                <Button look="quiet" aria-pressed={one.version === b} onClick={() => setTo(one.version)}>To</Button>
                <Button refused={refused('workflow.edit') ?? (workflow.data.published[environment] === one.version ? 'It is in service here.' : undefined)} busy={publish.isPending} onClick={() => publish.mutate(one.version)}>Publish</Button>
              </li>
            ))}
          </ul>
        </Card>
        <Card title={a && b && a !== b ? `What changed from ${a.slice(0, 10)} to ${b.slice(0, 10)}` : 'What changed'}>
          {difference.data ? <pre tabIndex={0} aria-label="Difference" className="max-h-[60dvh] overflow-auto font-mono text-xs whitespace-pre-wrap">{difference.data.text || 'Nothing.'}</pre> : <p className="text-[13px] text-soft">{items.length < 2 ? 'There is one version only.' : difference.isError ? 'The difference could not be read.' : 'Choose two versions.'}</p>}
        </Card>
      </div>
    </Page>
  );
}
