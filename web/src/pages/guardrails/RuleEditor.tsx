import { useMutation } from '@tanstack/react-query';
import { CircleCheck, CircleX, FlaskConical, Plus, Trash2 } from 'lucide-react';
import { useScope } from '../../session';
import { Button, IconButton } from '../../ui/button';
import { Code } from '../../ui/codeLater';
import { Check, Select, TextArea, TextField } from '../../ui/field';
import { Failed } from '../../ui/state';
import { type Example, type Outcome, type Rule, RULE_TYPES, tried } from './rule';

/** One rule with its examples beside it. `narrow`: in a panel, one under the other. */
export function RuleEditor({ rule, onChange, remove, readOnly, narrow }: { rule: Rule; onChange: (rule: Rule) => void; remove: () => void; readOnly?: boolean; narrow?: boolean }) {
  const { path, refused } = useScope();
  const run = useMutation({ mutationFn: async (of: Rule) => ({ of: JSON.stringify(of), outcomes: await tried(path, of) }) });
  const set = (part: Record<string, unknown>) => {
    const next: Rule = { ...rule, ...part };
    for (const [key, value] of Object.entries(part)) if (value === undefined || value === '') delete next[key];
    onChange(next);
  };
  const retype = (type: string) => {
    const { name, severity, violation_severity, tests } = rule;
    onChange({ type, ...(name ? { name } : {}), ...(severity ? { severity } : {}), ...(violation_severity ? { violation_severity } : {}), ...(tests ? { tests } : {}) });
  };
  const tests = rule.tests ?? [];
  const setTests = (next: Example[]) => set({ tests: next.length === 0 ? undefined : next });
  const text = (key: string) => String(rule[key] ?? '');
  // An outcome stands only while the rule is the one that was tried.
  const outcomes = run.data && run.data.of === JSON.stringify(rule) ? run.data.outcomes : [];
  const wrong = outcomes.filter((one, index) => !agrees(one, tests[index])).length;
  return (
    <div className={`grid gap-4 ${narrow ? '' : 'lg:grid-cols-2'}`}>
      <fieldset disabled={readOnly} className="flex min-w-0 flex-col gap-3">
        <TextField label="Name" maxLength={120} value={text('name')} onChange={(event) => set({ name: event.target.value })} hint="Findings are listed under it." />
        <div className="grid grid-cols-2 gap-3">
          <Select label="Kind of rule" value={rule.type} onChange={(event) => retype(event.target.value)}>
            {RULE_TYPES.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
          </Select>
          <Select label="How bad a finding is" value={text('violation_severity') || 'medium'} onChange={(event) => set({ violation_severity: event.target.value })}>
            {['low', 'medium', 'high', 'critical'].map((one) => <option key={one}>{one}</option>)}
          </Select>
        </div>
        <p className="text-xs text-soft">{RULE_TYPES.find(([id]) => id === rule.type)?.[2]}</p>
        {rule.type === 'REGEX' ? (
          <>
            <TextField label="Pattern" className="font-mono" required spellCheck={false} value={text('pattern')} onChange={(event) => set({ pattern: event.target.value })} />
            <Check label="Upper and lower case are the same" checked={Boolean(rule.ignore_case)} onChange={(event) => set({ ignore_case: event.target.checked || undefined })} />
            <Check label="The text has to match: what does not is found" checked={Boolean(rule.must_match)} onChange={(event) => set({ must_match: event.target.checked || undefined })} />
          </>
        ) : rule.type === 'KEYWORD_LIST' ? (
          <TextArea label="Keywords, one a line" rows={5} required value={(Array.isArray(rule.keywords) ? rule.keywords : []).join('\n')} onChange={(event) => set({ keywords: event.target.value === '' ? undefined : event.target.value.split('\n') })} onBlur={(event) => set({ keywords: event.target.value.split('\n').map((word) => word.trim()).filter(Boolean) })} />
        ) : rule.type === 'JAVASCRIPT' ? (
          <div>
            <p className="mb-1 text-xs font-medium text-soft">Script</p>
            <Code label="Script" language="javascript" value={text('script')} onChange={(script) => set({ script })} placeholder="return !String(input).includes('internal');" readOnly={readOnly ?? false} />
          </div>
        ) : (
          <>
            <TextArea label="Rule, in plain language" rows={3} required value={text('prompt')} onChange={(event) => set({ prompt: event.target.value })} placeholder="The text promises a price." />
            <div className="grid grid-cols-2 gap-3">
              <TextField label="Counts from (0 to 1)" type="number" step={0.05} min={0} max={1} placeholder="0.7" value={text('threshold')} onChange={(event) => set({ threshold: event.target.value === '' ? undefined : Number(event.target.value) })} />
              <TextField label="Model" placeholder="the server's" value={text('model')} onChange={(event) => set({ model: event.target.value })} />
            </div>
          </>
        )}
        <Select label="What is done" value={text('severity')} onChange={(event) => set({ severity: event.target.value })}>
          <option value="">As the node says</option>
          {['LOG', 'WARNING', 'FLAG', 'REDACT', 'BLOCK'].map((one) => <option key={one}>{one}</option>)}
        </Select>
        <div>
          <Button look="danger" icon={<Trash2 size={14} aria-hidden />} refused={readOnly ? refused('workflow.edit') : undefined} onClick={remove}>Remove this rule</Button>
        </div>
      </fieldset>
      <section aria-label="Tests of the rule" className="flex min-w-0 flex-col gap-2">
        <div className="flex flex-wrap items-center justify-between gap-2">
          <h3 className="text-xs font-semibold text-soft">Tests</h3>
          <Button icon={<FlaskConical size={14} aria-hidden />} busy={run.isPending} refused={refused('workflow.execute') ?? (tests.length === 0 ? 'Write an example first.' : undefined)} onClick={() => run.mutate(rule)}>Run the tests</Button>
        </div>
        {tests.length === 0 ? <p className="text-[13px] text-soft">Texts that the rule has to find, and texts that it must not. They are kept with the rule.</p> : null}
        <ul className="flex flex-col gap-2">
          {tests.map((one, index) => (
            <li key={index} className="flex flex-col gap-1.5 rounded-md border border-line p-2">
              <TextArea bare label={`Text of test ${index + 1}`} rows={2} value={one.text} readOnly={readOnly} onChange={(event) => setTests(tests.map((other, at) => (at === index ? { ...other, text: event.target.value } : other)))} />
              <div className="flex flex-wrap items-center gap-2">
                <Select bare label={`What test ${index + 1} expects`} value={one.finds ? 'found' : 'clean'} disabled={readOnly} onChange={(event) => setTests(tests.map((other, at) => (at === index ? { ...other, finds: event.target.value === 'found' } : other)))}>
                  <option value="found">is found</option>
                  <option value="clean">passes</option>
                </Select>
                <span className="min-w-0 flex-1"><Said outcome={outcomes[index]} expected={one} /></span>
                <IconButton label={`Remove test ${index + 1}`} disabled={readOnly} onClick={() => setTests(tests.filter((_, at) => at !== index))}>
                  <Trash2 size={14} aria-hidden />
                </IconButton>
              </div>
            </li>
          ))}
        </ul>
        <div className="flex flex-wrap items-center gap-2">
          <Button look="quiet" icon={<Plus size={14} aria-hidden />} refused={readOnly ? refused('workflow.edit') : undefined} onClick={() => setTests([...tests, { text: '', finds: true }])}>Add a test</Button>
          <p role="status" className={`text-[13px] font-medium ${wrong > 0 ? 'text-bad' : 'text-good'}`}>{outcomes.length === 0 ? '' : wrong === 0 ? `All ${outcomes.length} tests hold.` : `${wrong} of ${outcomes.length} do not hold.`}</p>
        </div>
        {run.isError ? <Failed error={run.error} /> : null}
      </section>
    </div>
  );
}

function agrees(outcome: Outcome | undefined, expected: Example | undefined): boolean {
  return outcome?.said === (expected?.finds ? 'found' : 'clean');
}

function Said({ outcome, expected }: { outcome: Outcome | undefined; expected: Example }) {
  if (!outcome) return null;
  const good = agrees(outcome, expected);
  const words = outcome.said === 'found' ? 'It is found.' : outcome.said === 'clean' ? 'It passes.' : `Not evaluated: ${outcome.why ?? 'nothing answers'}.`;
  return (
    <span className={`flex items-center gap-1.5 text-[13px] ${good ? 'text-good' : 'text-bad'}`}>
      {good ? <CircleCheck size={15} className="shrink-0" aria-label="As expected" /> : <CircleX size={15} className="shrink-0" aria-label="Not as expected" />}
      {words}
    </span>
  );
}
