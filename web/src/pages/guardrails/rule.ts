import { api, body } from '../../api/client';
import type { Environment } from '../../session';

export const RULE_TYPES = [
  ['REGEX', 'Pattern', 'Finds every place that a pattern matches.'],
  ['KEYWORD_LIST', 'Keywords', 'Finds whole words, whatever their case, accents or script tricks.'],
  ['JAVASCRIPT', 'JavaScript', 'The body of a function of `input`; it runs in a container and answers true, false or { pass, reason }.'],
  ['LLM_PROMPT', 'Model', 'A model judges the text by a rule in plain language.'],
] as const;

export interface Example {
  text: string;
  finds: boolean;
}
export interface Rule {
  type: string;
  name?: string;
  tests?: Example[];
  [more: string]: unknown;
}
export type Outcome = { said: 'found' | 'clean' | 'not evaluated'; why?: string };

export const BLANK: Rule = { type: 'REGEX', name: 'internal codes', pattern: '\\b[A-Z]{3}-\\d{4}\\b', tests: [{ text: 'The code is ABC-1234.', finds: true }, { text: 'There is no code here.', finds: false }] };

/** What the server makes of each example, asked one by one, as a run would. */
export async function tried(path: { team: string; environment: Environment }, rule: Rule): Promise<Outcome[]> {
  const { tests = [], ...bare } = rule;
  const outcomes: Outcome[] = [];
  for (const { text } of tests) {
    const said = await body(api.POST('/api/v1/teams/{team}/{environment}/guardrails/playground', { params: { path }, body: { input: text, parameters: { rules: [bare], severity: 'BLOCK' } as never } }));
    const [report] = said.checks as unknown as { outcome: string; why?: string }[];
    if (report?.outcome === 'not_evaluated') outcomes.push({ said: 'not evaluated', ...(report.why ? { why: report.why } : {}) });
    else outcomes.push({ said: said.findings.length > 0 ? 'found' : 'clean' });
  }
  return outcomes;
}
