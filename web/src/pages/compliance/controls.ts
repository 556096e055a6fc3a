import { api, body } from '../../api/client';
import type { useScope } from '../../session';
import type { Definition } from '../workflows/editor/document';

type Path = ReturnType<typeof useScope>['path'];
/** `unknown`: it could not be looked at, which is never counted as well. */
export type State = 'holds' | 'look' | 'unknown';
export interface Control {
  id: string;
  name: string;
  /** What it is good for, in the words of most frameworks. */
  about: string;
  needs: string;
  leads: string;
  look: (path: Path) => Promise<{ state: State; says: string }>;
}
const DAY = 86_400_000;
const MOST = 50;
const holds = (says: string) => ({ state: 'holds' as const, says });
const look = (says: string) => ({ state: 'look' as const, says });
const count = (many: number, one: string, more = `${one}s`) => `${many.toLocaleString()} ${many === 1 ? one : more}`;

/** What this server can show about itself at this moment. Each is one question to the API that everybody else has too. */
export const CONTROLS: Control[] = [
  {
    id: 'checkpoints', name: 'The audit trail is sealed', about: 'Integrity of records', needs: 'audit.view', leads: '/audit?part=checkpoints',
    look: async (path) => {
      const [newest] = (await body(api.GET('/api/v1/teams/{team}/{environment}/audit/checkpoints', { params: { path, query: { limit: 1 } } }))).items;
      if (!newest) return look('No checkpoint was signed yet.');
      const minutes = Math.round((Date.now() - new Date(newest.at).getTime()) / 60_000);
      const witnessed = newest.cosignatures.length > 0 ? `, signed by ${count(newest.cosignatures.length, 'witness', 'witnesses')} too` : ', no witness has signed it';
      return minutes <= 60 ? holds(`Checkpoint ${newest.number} was signed ${minutes} minutes ago${witnessed}.`) : look(`The newest checkpoint is ${Math.round(minutes / 60)} hours old.`);
    },
  },
  {
    id: 'siem', name: 'The trail leaves this machine', about: 'Independent records', needs: 'settings.siem', leads: '/audit?part=siem',
    look: async (path) => {
      const on = (await body(api.GET('/api/v1/teams/{team}/{environment}/siem', { params: { path } }))).items.filter((one) => one.enabled);
      if (on.length === 0) return look('It is delivered nowhere: whoever has this machine has every copy.');
      const late = on.filter((one) => one.status.state !== 'ok');
      return late.length === 0 ? holds(`${count(on.length, 'destination')}, all up to date.`) : look(`${late.map((one) => `${one.name} is ${one.status.state}`).join(', ')}.`);
    },
  },
  {
    id: 'guardrails', name: 'Published workflows have a guardrail', about: 'Risk treatment of AI systems', needs: 'workflow.view', leads: '/workflows',
    look: async (path) => {
      const all = (await body(api.GET('/api/v1/teams/{team}/{environment}/workflows', { params: { path, query: { limit: 200 } } }))).items.filter((one) => one.published[path.environment]);
      if (all.length === 0) return holds('Nothing is in service here.');
      const bare: string[] = [];
      for (const one of all.slice(0, MOST)) {
        const version = one.published[path.environment] as string;
        const { definition } = await body(api.GET('/api/v1/teams/{team}/{environment}/workflows/{id}/versions/{version}', { params: { path: { ...path, id: one.id, version } } }));
        if (!(definition as unknown as Definition).nodes.some((node) => node.type === 'GUARDRAIL')) bare.push(one.name);
      }
      if (bare.length > 0) return look(`Without one: ${bare.slice(0, 3).join(', ')}${bare.length > 3 ? ` and ${bare.length - 3} more` : ''}.`);
      return all.length > MOST ? { state: 'unknown', says: `The first ${MOST} of ${all.length} have one; the others were not looked at.` } : holds(`All ${all.length} have one.`);
    },
  },
  {
    id: 'exceptions', name: 'Exceptions are few and end', about: 'Exceptions to controls', needs: 'workflow.view', leads: '/guardrails?part=exceptions',
    look: async (path) => {
      const open = (await body(api.GET('/api/v1/teams/{team}/{environment}/guardrails/exceptions', { params: { path, query: { limit: 200 } } }))).items.filter((one) => new Date(one.expires_at).getTime() > Date.now());
      const soon = open.filter((one) => new Date(one.expires_at).getTime() - Date.now() < 30 * DAY).length;
      const says = `${count(open.length, 'exception')} in force, ${soon} of them end within 30 days.`;
      return open.length > 20 ? look(says) : holds(says);
    },
  },
  {
    id: 'violations', name: 'What guardrails find is on record', about: 'Monitoring and incidents', needs: 'incident.view', leads: '/guardrails?part=violations',
    look: async (path) => {
      const days = (await body(api.GET('/api/v1/teams/{team}/{environment}/guardrails/activity', { params: { path, query: { days: 30 } } }))).days;
      const sum = (only?: string) => days.reduce((all, one) => (only && one.enforcement !== only ? all : all + one.found), 0);
      if (sum() === 0) return look('Nothing found in 30 days: ask the playground whether the checks are on.');
      return holds(`${count(sum(), 'finding')} in 30 days, ${sum('block').toLocaleString()} of them stopped a run.`);
    },
  },
  {
    id: 'second-factor', name: 'Everybody needs a second factor', about: 'Access control', needs: 'workflow.view', leads: '/team',
    look: async (path) => ((await body(api.GET('/api/v1/teams/{team}/{environment}/team', { params: { path } }))).require_second_factor ? holds('The team demands it; who has none can only enrol one.') : look('The team does not demand it.')),
  },
  {
    id: 'admins', name: 'Few people may do everything', about: 'Least privilege', needs: 'team.manage', leads: '/team',
    look: async (path) => {
      const page = await body(api.GET('/api/v1/teams/{team}/{environment}/members', { params: { path, query: { limit: 200 } } }));
      const admins = page.items.filter((one) => one.role === 'admin' && !one.disabled).length;
      const says = `${count(admins, 'admin')} among ${page.items.length}${page.next ? '+' : ''} members.`;
      return admins > 5 ? look(says) : holds(says);
    },
  },
  {
    id: 'credentials', name: 'Secrets are fresh', about: 'Key management', needs: 'credential.use', leads: '/credentials',
    look: async (path) => {
      const all = (await body(api.GET('/api/v1/teams/{team}/{environment}/credentials', { params: { path, query: { limit: 200 } } }))).items;
      const due = all.filter((one) => one.rotation_due || one.status !== 'active');
      return due.length > 0 ? look(`To be looked after: ${due.slice(0, 3).map((one) => one.name).join(', ')}${due.length > 3 ? ` and ${due.length - 3} more` : ''}.`) : holds(`${count(all.length, 'credential')}, none of them due.`);
    },
  },
  {
    id: 'approvals', name: 'People decide in time', about: 'Human oversight', needs: 'workflow.view', leads: '/approvals',
    look: async (path) => {
      const waiting = (await body(api.GET('/api/v1/teams/{team}/{environment}/approvals', { params: { path, query: { limit: 100 } } }))).items.filter((one) => one.status === 'pending');
      return waiting.length > 0 ? look(`${count(waiting.length, 'run waits', 'runs wait')} for a decision.`) : holds('No run waits for a decision.');
    },
  },
];
