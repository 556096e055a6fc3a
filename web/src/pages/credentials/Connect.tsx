import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, body } from '../../api/client';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Select, TextField } from '../../ui/field';
import { Failed, Skeleton } from '../../ui/state';

/** Goes to a provider, asks for consent with the least scopes, and comes back with a connection. */
export function Connect({ open, close }: { open: boolean; close: () => void }) {
  const { path } = useScope();
  const keys = useKeys();
  const providers = useQuery({ queryKey: keys.of('providers'), enabled: open, queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/connections/providers', { params: { path } })) });
  const [chosen, setChosen] = useState('');
  const all = (providers.data as { items: { name: string; title: string; ready: boolean; default_scopes: string[]; parameters: { name: string; title: string; default?: string | null; expected: string }[] }[] } | undefined)?.items ?? [];
  const provider = all.find((one) => one.name === chosen) ?? all.find((one) => one.ready) ?? all[0];
  const begin = useMutation({
    mutationFn: (form: FormData) => {
      const parameters = Object.fromEntries((provider?.parameters ?? []).map((one) => [one.name, String(form.get(one.name) ?? '')]).filter(([, value]) => value));
      const scopes = String(form.get('scopes')).split(/[\s,]+/).filter(Boolean);
      return body(api.POST('/api/v1/teams/{team}/{environment}/connections', { params: { path }, body: { provider: provider?.name ?? '', name: String(form.get('name')), scopes, hosts: [], parameters: parameters as never } }));
    },
    onSuccess: (begun) => window.location.assign(begun.authorize_url),
  });
  const register = useMutation({
    mutationFn: (form: FormData) => body(api.PUT('/api/v1/teams/{team}/{environment}/connections/clients/{provider}', { params: { path: { ...path, provider: provider?.name ?? '' } }, body: { client_id: String(form.get('client_id')), client_secret: String(form.get('client_secret')) || null } })),
    onSuccess: () => void providers.refetch(),
  });
  const submit = (run: (form: FormData) => void) => (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    run(new FormData(event.currentTarget));
  };
  return (
    <Dialog open={open} title="Connect an account" onClose={close}>
      {providers.isPending ? (
        <Skeleton rows={3} />
      ) : providers.isError ? (
        <Failed error={providers.error} retry={() => void providers.refetch()} />
      ) : provider ? (
        <div className="flex flex-col gap-4">
          <Select label="Provider" value={provider.name} onChange={(event) => setChosen(event.target.value)}>
            {all.map((one) => <option key={one.name} value={one.name}>{one.title}{one.ready ? '' : ' (not registered yet)'}</option>)}
          </Select>
          {provider.ready ? (
            <form key={provider.name} onSubmit={submit(begin.mutate)} className="flex flex-col gap-4">
              <TextField label="Name" name="name" required maxLength={200} defaultValue={provider.title} />
              {provider.parameters.map((one) => <TextField key={one.name} label={one.title} name={one.name} defaultValue={one.default ?? ''} hint={one.expected} />)}
              <TextField label="Further scopes" name="scopes" hint={`Asked for in any case: ${provider.default_scopes.join(', ') || 'none'}. More is recorded in the audit trail.`} />
              {begin.isError ? <Failed error={begin.error} /> : null}
              <div className="flex justify-end gap-2"><Button onClick={close}>Cancel</Button><Button look="primary" type="submit" busy={begin.isPending}>Go to {provider.title}</Button></div>
            </form>
          ) : (
            <form key={provider.name} onSubmit={submit(register.mutate)} className="flex flex-col gap-4">
              <p className="text-[13px] text-soft">Register NodeLoom with {provider.title} first, with the redirect address <code>{window.location.origin}/api/v1/oauth/callback</code>, then enter what it gave you.</p>
              <TextField label="Client id" name="client_id" required autoComplete="off" />
              <TextField label="Client secret" name="client_secret" type="password" autoComplete="off" hint="Encrypted at once and never shown again." />
              {register.isError ? <Failed error={register.error} /> : null}
              <div className="flex justify-end gap-2"><Button onClick={close}>Cancel</Button><Button look="primary" type="submit" busy={register.isPending}>Save</Button></div>
            </form>
          )}
        </div>
      ) : null}
    </Dialog>
  );
}
