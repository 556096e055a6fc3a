import { api, body, type Schemas } from '../../api/client';
import type { Environment } from '../../session';

export type By = 'day' | 'workflow' | 'model' | 'principal';
export type UsageRow = Schemas['UsageRow'];
type Path = { team: string; environment: Environment };

export function readUsage(path: Path, by: By, from: string, to: string): Promise<Schemas['UsageReport']> {
  return body(api.GET('/api/v1/teams/{team}/{environment}/usage', { params: { path, query: { from, to, by } } })) as Promise<Schemas['UsageReport']>;
}
export function csvAddress({ team, environment }: Path, by: By, from: string, to: string): string {
  return `/api/v1/teams/${encodeURIComponent(team)}/${environment}/usage.csv?${new URLSearchParams({ from, to, by })}`;
}

/** Cost, as far as prices are known. */
export function spent(row: UsageRow): number | null {
  return row.cost_micros === 0 && row.unpriced_tokens > 0 ? null : row.cost_micros;
}
