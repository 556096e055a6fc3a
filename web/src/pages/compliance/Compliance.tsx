import { useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleCheck, CircleDashed, CircleHelp, Download, Scale, TriangleAlert } from 'lucide-react';
import { saved } from '../../lib/save';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Card, Page } from '../../ui/page';
import { Badge, Empty, type Tone } from '../../ui/state';
import { CONTROLS, type State } from './controls';

const LOOKS: Record<State | 'waiting', [Tone, string, typeof CircleCheck, string]> = {
  holds: ['good', 'holds', CircleCheck, 'text-good'],
  look: ['warn', 'needs a look', TriangleAlert, 'text-warn'],
  unknown: ['idle', 'not evaluated', CircleHelp, 'text-faint'],
  waiting: ['idle', 'looking…', CircleDashed, 'text-faint'],
};

/** Which controls hold in this environment now, for whoever answers for them (R252). What was not evaluated has not passed. */
export default function Compliance() {
  const { path, may, refused, environment, team } = useScope();
  const keys = useKeys();
  const allowed = may('compliance.view');
  const answers = useQueries({
    queries: CONTROLS.map((one) => ({ queryKey: keys.of('compliance', one.id), enabled: allowed && may(one.needs), staleTime: 30_000, queryFn: () => one.look(path) })),
  });
  if (!allowed) {
    return (
      <Page title="Compliance">
        <Card><Empty icon={Scale} title="Not for your role">{refused('compliance.view')}</Empty></Card>
      </Page>
    );
  }
  const rows = CONTROLS.map((control, index) => {
    const answer = answers[index];
    if (!may(control.needs)) return { control, state: 'unknown' as const, says: `${refused(control.needs)}` };
    if (answer?.isError) return { control, state: 'unknown' as const, says: `It could not be looked at: ${answer.error.message}` };
    return { control, state: answer?.data?.state ?? ('waiting' as const), says: answer?.data?.says ?? '' };
  });
  const many = (state: State) => rows.filter((row) => row.state === state).length;
  const save = () => saved(`controls-${team}-${environment}-${new Date().toISOString().slice(0, 10)}.json`, JSON.stringify({ team, environment, at: new Date().toISOString(), controls: rows.map(({ control, state, says }) => ({ id: control.id, name: control.name, about: control.about, state, says })) }, null, 2), 'application/json');
  return (
    <Page
      title="Compliance"
      lead={`Which controls hold in ${environment} at this moment. It helps those who prepare an audit, and is no certification.`}
      actions={<Button icon={<Download size={14} aria-hidden />} onClick={save}>Save what is shown</Button>}
    >
      <p role="status" className="flex flex-wrap gap-2 text-[13px]">
        <Badge tone="good">{many('holds')} hold</Badge>
        <Badge tone={many('look') > 0 ? 'warn' : 'idle'}>{many('look')} need a look</Badge>
        <Badge>{many('unknown')} not evaluated</Badge>
      </p>
      <Card title="Controls" flush>
        <ul>
          {rows.map(({ control, state, says }) => {
            const [tone, word, Icon, colour] = LOOKS[state];
            const [to, part] = control.leads.split('?part=');
            return (
              <li key={control.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2.5 text-[13px] last:border-0">
                <Icon size={16} aria-hidden className={`shrink-0 ${colour}`} />
                <span className="min-w-48 flex-1">
                  <span className="font-medium">{control.name}</span>
                  <span className="block text-xs text-soft">{control.about}{says ? ` · ${says}` : ''}</span>
                </span>
                <Badge tone={tone}>{word}</Badge>
                <Link to={`/t/${team}/${environment}${to ?? ''}` as '/'} search={(part ? { part } : {}) as never} aria-label={`Open: ${control.name}`} className="text-accent underline">Open</Link>
              </li>
            );
          })}
        </ul>
      </Card>
    </Page>
  );
}
