import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

/** What the server says when it refuses: RFC 9457, with a stable code. */
export interface Problem {
  code: string;
  title: string;
  detail?: string;
  help?: string;
  status: number;
  [more: string]: unknown;
}

export class ApiError extends Error {
  readonly problem: Problem;
  readonly retryAfter: number | null;
  constructor(problem: Problem, retryAfter: number | null = null) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

let csrf: string | null = null;
let onSignedOut: () => void = () => {};
let confirmAgain: () => Promise<boolean> = async () => false;
let renewing: Promise<boolean> | null = null;

export function rememberCsrf(token: string): void {
  csrf = token;
}
export function whenSignedOut(then: () => void): void {
  onSignedOut = then;
}

/** What asks for the password or the second factor again, before a dangerous act. */
export function whenConfirmationIsNeeded(then: () => Promise<boolean>): void {
  confirmAgain = then;
}

/** Renews the session once, however many requests found it expired. False when there is none to renew. */
export function renew(): Promise<boolean> {
  renewing ??= fetch('/api/v1/auth/refresh', { method: 'POST', headers: csrf ? { 'X-CSRF-Token': csrf } : {} })
    .catch(() => {
      throw new ApiError(AWAY);
    })
    .then(async (answer) => {
      // Too many at once, or a server that is unwell, end no session.
      if (answer.status === 429 || answer.status >= 500) throw await refusal(answer);
      if (!answer.ok) return false;
      csrf = ((await answer.json()) as { csrf_token: string }).csrf_token;
      return true;
    })
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

const AWAY: Problem = { code: 'offline', title: 'The server does not answer', detail: 'The server does not answer. Check the connection; this page tries again by itself.', status: 0 };

/**
 * One request with the CSRF token, renewed and repeated once when the session has expired. The token is asked for by the
 * first change that needs it; another tab that asks makes ours stale, so it is asked for again then.
 */
async function send(request: Request): Promise<Response> {
  const attempt = async (): Promise<Response> => {
    const copy = request.clone();
    if (copy.method !== 'GET') {
      if (!csrf) await renew();
      if (csrf) copy.headers.set('X-CSRF-Token', csrf);
    }
    try {
      return await fetch(copy);
    } catch {
      throw new ApiError(AWAY);
    }
  };
  const first = await attempt();
  if (first.status === 403) {
    const said = (await first.clone().json().catch(() => ({}))) as { code?: string };
    if (said.code === 'NL-2004') {
      csrf = null;
      return (await renew()) ? attempt() : first;
    }
    return said.code === 'NL-2010' && (await confirmAgain()) ? attempt() : first;
  }
  if (first.status !== 401 || request.url.includes('/auth/')) return first;
  if (await renew()) return attempt();
  onSignedOut();
  return first;
}

async function refusal(response: Response): Promise<ApiError> {
  let problem: Problem;
  try {
    problem = (await response.clone().json()) as Problem;
  } catch {
    problem = { code: String(response.status), title: `The server answered ${response.status}`, status: response.status };
  }
  const wait = Number(response.headers.get('retry-after'));
  return new ApiError({ ...problem, status: response.status }, Number.isFinite(wait) && wait > 0 ? wait : null);
}

const problems: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await refusal(response);
    return undefined;
  },
};

export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: send });
api.use(problems);

/** The body of an answer that the types say is there. */
export async function body<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}

export function csrfToken(): string {
  return csrf ?? '';
}
