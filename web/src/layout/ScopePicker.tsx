import { useNavigate } from '@tanstack/react-router';
import { ENVIRONMENTS, useMe } from '../session';
import { Select } from '../ui/field';

const MARK: Record<string, string> = { development: 'bg-busy', staging: 'bg-warn', production: 'bg-bad' };

/** Team and environment. The environment has a colour of its own, so that production is never mistaken. */
export function ScopePicker({ team, environment }: { team: string; environment: string }) {
  const me = useMe();
  const navigate = useNavigate();
  const go = (to: string, where: string) => void navigate({ to: '/t/$team/$environment', params: { team: to, environment: where } });
  return (
    <div className="flex flex-col gap-1.5 border-y border-line px-3 py-2.5">
      <Select bare label="Team" value={team} onChange={(event) => go(event.target.value, environment)}>
        {me.teams.map((one) => (
          <option key={one.team} value={one.slug}>
            {one.name}
          </option>
        ))}
      </Select>
      <div className="relative">
        <span aria-hidden className={`absolute top-3 left-2.5 size-2 rounded-full ${MARK[environment] ?? 'bg-faint'}`} />
        <Select bare label="Environment" value={environment} className="pl-6!" onChange={(event) => go(team, event.target.value)}>
          {ENVIRONMENTS.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </Select>
      </div>
    </div>
  );
}
