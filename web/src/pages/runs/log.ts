import type { Finding } from '../../ui/findings';

/** What is known of one node in a run. */
export interface NodeLog {
  node: string;
  path?: string;
  type: string;
  status: string;
  started_at?: string;
  finished_at?: string;
  input?: unknown;
  output?: unknown;
  port?: string;
  warnings?: unknown[];
  findings?: Finding[];
  failure?: unknown;
  attempts?: number;
  usage?: { input_tokens?: number; output_tokens?: number };
  printed?: string;
  sandbox?: unknown;
}

export const OVER = ['succeeded', 'failed', 'blocked', 'cancelled'];

/** Live events bring what is new at once; this is for those that came while nobody was connected. */
export const untilOver = (query: { state: { data?: unknown } }): number | false => {
  const status = (query.state.data as { status?: string } | undefined)?.status;
  if (status === 'waiting' || status === 'paused') return 5000;
  return status !== undefined && OVER.includes(status) ? false : 2000;
};
