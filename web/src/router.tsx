import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Navigate, Outlet } from '@tanstack/react-router';
import { Compass } from 'lucide-react';
import { Shell } from './layout/Shell';
import { PAGES } from './lib/pages';
import { ENVIRONMENTS, type Environment, ScopeProvider, useMe } from './session';
import { Page } from './ui/page';
import { Empty, Failed } from './ui/state';

const root = createRootRoute({ component: Outlet, notFoundComponent: NotThere, errorComponent: ({ error, reset }) => <div className="p-6"><Failed error={error} retry={reset} /></div> });

function NotThere() {
  return (
    <Page title="Not here">
      <Empty icon={Compass} title="There is nothing at this address">
        <p>The link may be old, or it names something of another team.</p>
        <a className="text-accent underline" href="/">Go home</a>
      </Empty>
    </Page>
  );
}

function First() {
  const me = useMe();
  const kept = localStorage.getItem('nodeloom.scope')?.split('/') ?? [];
  const team = me.teams.find((one) => one.slug === kept[0]) ?? me.teams[0];
  const environment = ENVIRONMENTS.find((one) => one === kept[1]) ?? 'development';
  if (!team) return <Shell><NoTeam /></Shell>;
  // A provider sends the browser here when nobody knows any more which page it was for.
  if (/[?&](connect_error|finish)=/.test(window.location.search)) window.location.replace(`/t/${team.slug}/${environment}/credentials${window.location.search}`);
  return <Navigate to="/t/$team/$environment" params={{ team: team.slug, environment }} replace />;
}

function NoTeam() {
  return (
    <Page title="No team">
      <Empty icon={Compass} title="You belong to no team yet">
        <p>Ask an admin of your organisation to invite you. An invitation opens a team to you at once.</p>
      </Empty>
    </Page>
  );
}

const first = createRoute({ getParentRoute: () => root, path: '/', component: First });

const scope = createRoute({
  getParentRoute: () => root,
  path: '/t/$team/$environment',
  component: function Scoped() {
    const { team, environment } = scope.useParams();
    localStorage.setItem('nodeloom.scope', `${team}/${environment}`);
    return (
      <ScopeProvider value={{ team, environment: environment as Environment }}>
        <Shell>
          <Outlet />
        </Shell>
      </ScopeProvider>
    );
  },
});

const at = <Path extends string>(path: Path, load: () => Promise<{ default: () => React.ReactNode }>) =>
  createRoute({ getParentRoute: () => scope, path, component: lazyRouteComponent(load) });

const account = createRoute({
  getParentRoute: () => root,
  path: '/account',
  component: lazyRouteComponent(() => import('./pages/account/Account')),
});

const tree = root.addChildren([
  first,
  account,
  scope.addChildren([
    at('/', PAGES['/']),
    at('/workflows', PAGES['/workflows']),
    at('/workflows/$workflow', PAGES['/workflows/$workflow']),
    at('/workflows/$workflow/versions', PAGES['/workflows/$workflow/versions']),
    at('/runs', PAGES['/runs']),
    at('/runs/$run', PAGES['/runs/$run']),
    at('/approvals', PAGES['/approvals']),
    at('/guardrails', PAGES['/guardrails']),
    at('/credentials', PAGES['/credentials']),
    at('/audit', PAGES['/audit']),
    at('/compliance', PAGES['/compliance']),
    at('/team', PAGES['/team']),
    at('/usage', PAGES['/usage']),
  ]),
]);

export const router = createRouter({ routeTree: tree, defaultPreload: 'intent', defaultNotFoundComponent: NotThere, scrollRestoration: true });

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
