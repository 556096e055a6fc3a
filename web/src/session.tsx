import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo } from 'react';
import { ApiError, api, body, type Schemas, whenSignedOut } from './api/client';
import { early } from './api/early';
import { Failed } from './ui/state';

export type Membership = Schemas['Membership'];
export const ENVIRONMENTS = ['development', 'staging', 'production'] as const;

export function toSignIn(): void {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}

const Here = createContext<Schemas['Me'] | null>(null);

/** Everything below is for somebody who is signed in. */
export function SignedIn({ children, waiting }: { children: ReactNode; waiting: ReactNode }) {
  useEffect(() => whenSignedOut(toSignIn), []);
  const me = useQuery({
    queryKey: ['me'],
    queryFn: async () => ((await (await early())?.json()) as Schemas['Me'] | undefined) ?? body(api.GET('/api/v1/me')),
    staleTime: 60_000,
  });
  if (me.data) return <Here value={me.data}>{children}</Here>;
  return me.isError && !(me.error instanceof ApiError && me.error.problem.status === 401) ? <div className="p-6"><Failed error={me.error} retry={() => void me.refetch()} /></div> : waiting;
}

export function useMe(): Schemas['Me'] {
  const me = useContext(Here);
  if (!me) throw new Error('used outside of a session');
  return me;
}

export type Environment = (typeof ENVIRONMENTS)[number];
const Scope = createContext<{ team: string; environment: Environment } | null>(null);
export const ScopeProvider = Scope;

/** The team and environment of the address, and what one may do there. */
export function useScope() {
  const scope = useContext(Scope);
  const me = useMe();
  if (!scope) throw new Error('used outside of a team');
  return useMemo(() => {
    const membership = me.teams.find((team) => team.slug === scope.team || team.team === scope.team);
    const may = (permission: string) => membership?.permissions.includes(permission) ?? false;
    return {
      ...scope,
      path: { team: scope.team, environment: scope.environment },
      membership,
      may,
      /** Why not, for a button that cannot be used; undefined when it can. */
      refused: (permission: string) => (may(permission) ? undefined : `Your role here (${membership?.role ?? 'none'}) does not have the permission ${permission}.`),
    };
  }, [scope, me]);
}

/** Keys of everything read in this scope begin alike, so that a change of scope never shows another's data. */
export function useKeys() {
  const { team, environment } = useScope();
  const client = useQueryClient();
  return useMemo(
    () => ({
      of: (...rest: unknown[]) => ['scope', team, environment, ...rest],
      stale: (...rest: unknown[]) => client.invalidateQueries({ queryKey: ['scope', team, environment, ...rest] }),
    }),
    [team, environment, client],
  );
}
