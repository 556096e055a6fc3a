import { Plus, Trash2 } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { Button, IconButton } from '../../../ui/button';
import type { Language } from '../../../ui/code';
import { Code } from '../../../ui/codeLater';
import { Check, Select, TextArea, TextField } from '../../../ui/field';
import type { Rule } from '../../guardrails/rule';
import type { Preview } from './preview';

export interface Schema {
  title?: string;
  description?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  oneOf?: Schema[];
  anyOf?: Schema[];
  default?: unknown;
  examples?: unknown[];
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  pattern?: string;
  additionalProperties?: boolean | Schema;
  'x-editor'?: string;
}
type Value = Record<string, unknown>;

export interface Helps {
  /** Names of credentials, for fields that want one. */
  credentials: string[];
  /** What `{{ … }}` may name here. */
  expressions: string[];
  /** What the expressions of each field yield, where that is known. */
  previews?: Record<string, Preview>;
}
const NONE: Record<string, Preview> = {};

/** A form made from a node's JSON Schema. What it cannot show as fields it shows as JSON, so nothing is out of reach. */
export function SchemaForm({ schema, value, onChange, helps }: { schema: Schema; value: Value; onChange: (value: Value, field: string) => void; helps: Helps }) {
  const fields = Object.entries(schema.properties ?? {});
  const set = (name: string, next: unknown) => {
    const { [name]: _, ...others } = value;
    onChange(next === undefined ? others : { ...others, [name]: next }, name);
  };
  if (fields.length === 0) return <p className="text-[13px] text-soft">Nothing to set here.</p>;
  return (
    <div className="flex flex-col gap-3.5">
      {fields.map(([name, field]) => (
        <div key={name} className="flex min-w-0 flex-col gap-1">
          <Field name={name} schema={field} required={schema.required?.includes(name) ?? false} value={value[name]} onChange={(next) => set(name, next)} helps={helps} language={languageOf(name, field, value)} />
          <Yields preview={helps.previews?.[name]} label={field.title ?? name} />
        </div>
      ))}
    </div>
  );
}

/** What an expression yields with the values at hand. */
function Yields({ preview, label }: { preview: Preview | undefined; label: string }) {
  if (!preview) return null;
  if (preview.error !== undefined) return <p role="status" className="rounded-md bg-warn-wash px-2 py-1 text-xs break-words text-warn">{preview.error}</p>;
  const text = typeof preview.value === 'string' ? preview.value : JSON.stringify(preview.value, null, 1);
  return (
    <output aria-label={`What ${label} yields`} className="max-h-28 overflow-y-auto rounded-md border border-line bg-canvas px-2 py-1 font-mono text-xs break-words whitespace-pre-wrap text-good">
      {text === '' ? 'nothing: an empty text' : text}
      {preview.cut ? ' …' : ''}
    </output>
  );
}

function languageOf(name: string, schema: Schema, value: Value): Language | null {
  if (schema['x-editor'] === 'code' || name === 'code') return value.language === 'python' ? 'python' : 'javascript';
  return null;
}

function is(schema: Schema, type: string): boolean {
  return schema.type === type || (Array.isArray(schema.type) && schema.type.includes(type));
}

function Field({ name, schema, required, value, onChange, helps, language }: { name: string; schema: Schema; required: boolean; value: unknown; onChange: (value: unknown) => void; helps: Helps; language: Language | null }) {
  const label = `${schema.title ?? name}${required ? ' *' : ''}`;
  const hint = schema.description;
  const ghost = schema.default !== undefined ? String(typeof schema.default === 'object' ? JSON.stringify(schema.default) : schema.default) : schema.examples?.[0] !== undefined ? `e.g. ${typeof schema.examples[0] === 'object' ? JSON.stringify(schema.examples[0]) : String(schema.examples[0])}` : '';
  if (language) {
    return (
      <div>
        <p className="mb-1 text-xs font-medium text-soft">{label}</p>
        <Code label={label} language={language} value={String(value ?? '')} onChange={onChange} />
        {hint ? <p className="mt-1 text-xs text-faint">{hint}</p> : null}
      </div>
    );
  }
  if (name === 'rules' && Array.isArray(value ?? [])) return <RuleList label={label} rules={(value ?? []) as Rule[]} onChange={onChange} />;
  if (schema['x-editor'] === 'credential') {
    return (
      <Select label={label} hint={hint} value={String(value ?? '')} onChange={(event) => onChange(event.target.value || undefined)}>
        <option value="">None</option>
        {[...new Set([...helps.credentials, ...(value ? [String(value)] : [])])].map((one) => (
          <option key={one}>{one}</option>
        ))}
      </Select>
    );
  }
  if (schema.enum && schema.enum.every((one) => typeof one === 'string')) {
    return (
      <Select label={label} hint={hint} value={String(value ?? '')} onChange={(event) => onChange(event.target.value || undefined)}>
        <option value="">{schema.default !== undefined ? `Default (${String(schema.default)})` : 'Not set'}</option>
        {(schema.enum as string[]).map((one) => (
          <option key={one}>{one}</option>
        ))}
      </Select>
    );
  }
  if (schema.type === 'boolean') return <Check label={label} hint={hint} checked={Boolean(value ?? schema.default ?? false)} onChange={(event) => onChange(event.target.checked)} />;
  if (schema.type === 'integer' || schema.type === 'number') {
    return <TextField label={label} hint={hint} type="number" step={schema.type === 'integer' ? 1 : 'any'} min={schema.minimum} max={schema.maximum} placeholder={ghost} value={value === undefined ? '' : String(value)} onChange={(event) => onChange(event.target.value === '' ? undefined : Number(event.target.value))} />;
  }
  const words = schema.items?.enum ?? schema.items?.anyOf?.find((one) => one.enum)?.enum;
  // What is configured in more detail than by its word alone is left to JSON, so that nothing of it is lost.
  if (schema.type === 'array' && words && (!Array.isArray(value) || value.every((one) => typeof one === 'string'))) {
    const chosen = Array.isArray(value) ? (value as unknown[]) : [];
    return (
      <fieldset className="flex flex-col gap-1.5">
        <legend className="mb-1 text-xs font-medium text-soft">{label}</legend>
        {words.map((one) => (
          <Check key={String(one)} label={String(one).replaceAll('_', ' ').toLowerCase()} checked={chosen.includes(one)} onChange={(event) => onChange(event.target.checked ? [...chosen, one] : chosen.filter((other) => other !== one))} />
        ))}
      </fieldset>
    );
  }
  if (schema.type === 'array' && schema.items && is(schema.items, 'string') && !Array.isArray(schema.items.type)) return <Lines label={label} hint={hint} value={value} onChange={onChange} />;
  if (schema.type === 'object' && schema.properties && schema.additionalProperties === false) {
    return (
      <fieldset className="rounded-md border border-line p-3">
        <legend className="px-1 text-xs font-medium text-soft">{label}</legend>
        <SchemaForm schema={schema} value={(value as Value) ?? {}} onChange={(next) => onChange(Object.keys(next).length === 0 ? undefined : next)} helps={{ ...helps, previews: NONE }} />
      </fieldset>
    );
  }
  if (is(schema, 'string') && (schema.maxLength === undefined || schema.maxLength <= 300) && !schema['x-editor']) {
    return <TextField label={label} hint={hint} placeholder={ghost} maxLength={schema.maxLength} value={typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)} onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)} />;
  }
  if (is(schema, 'string') || schema['x-editor'] === 'expression' || schema['x-editor'] === 'template') return <Expression label={label} hint={hint} ghost={ghost} value={value} onChange={onChange} helps={helps} asText={schema.type === 'string'} />;
  return <AsJson label={label} hint={hint} value={value} onChange={onChange} />;
}

const RuleEditor = lazy(() => import('../../guardrails/RuleEditor').then((module) => ({ default: module.RuleEditor })));

function RuleList({ label, rules, onChange }: { label: string; rules: Rule[]; onChange: (value: unknown) => void }) {
  const set = (next: Rule[]) => onChange(next.length === 0 ? undefined : next);
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1 text-xs font-medium text-soft">{label}</legend>
      {rules.map((rule, index) => (
        <details key={index} className="rounded-md border border-line px-3 py-2">
          <summary className="text-[13px] font-medium">{rule.name || rule.type}</summary>
          <div className="mt-3">
            <Suspense fallback={<p className="text-xs text-soft">…</p>}>
              <RuleEditor narrow rule={rule} onChange={(next) => set(rules.map((other, at) => (at === index ? next : other)))} remove={() => set(rules.filter((_, at) => at !== index))} />
            </Suspense>
          </div>
        </details>
      ))}
      <div>
        <Button look="quiet" icon={<Plus size={14} aria-hidden />} onClick={() => set([...rules, { type: 'REGEX', name: 'internal codes', pattern: '\\b[A-Z]{3}-\\d{4}\\b' }])}>
          Add a rule
        </Button>
      </div>
    </fieldset>
  );
}

/** A text that may hold `{{ … }}`, or any JSON when it begins like one. */
function Expression({ label, hint, ghost, value, onChange, helps, asText }: { label: string; hint?: string | undefined; ghost: string; value: unknown; onChange: (value: unknown) => void; helps: Helps; asText: boolean }) {
  const [text, setText] = useState(() => shown(value));
  const [last, setLast] = useState(value);
  if (value !== last) {
    setLast(value);
    if (JSON.stringify(value) !== JSON.stringify(parsed(text, asText))) setText(shown(value));
  }
  return (
    <div className="flex flex-col gap-1">
      <TextArea
        label={label}
        hint={hint}
        rows={Math.min(8, Math.max(2, text.split('\n').length))}
        placeholder={ghost}
        className="font-mono text-xs!"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          const next = parsed(event.target.value, asText);
          setLast(next);
          onChange(next);
        }}
      />
      {helps.expressions.length > 0 ? (
        <details className="text-xs text-soft">
          <summary>Insert an expression</summary>
          <div className="mt-1 flex flex-wrap gap-1">
            {helps.expressions.map((one) => (
              <button key={one} type="button" className="rounded border border-line px-1.5 py-0.5 font-mono hover:bg-raised" onClick={() => { const next = `${text}{{ ${one} }}`; setText(next); setLast(next); onChange(next); }}>
                {one}
              </button>
            ))}
          </div>
        </details>
      ) : null}
    </div>
  );
}
const shown = (value: unknown) => (value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value, null, 2));
function parsed(text: string, asText: boolean): unknown {
  if (text === '') return undefined;
  if (!asText && /^\s*[[{]/.test(text) && !text.trim().startsWith('{{')) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return text;
}

function Lines({ label, hint, value, onChange }: { label: string; hint?: string | undefined; value: unknown; onChange: (value: unknown) => void }) {
  const lines = Array.isArray(value) ? value.map(String) : [];
  const set = (next: string[]) => onChange(next.length === 0 ? undefined : next);
  return (
    <fieldset className="flex flex-col gap-1.5">
      <legend className="mb-1 text-xs font-medium text-soft">{label}</legend>
      {lines.map((line, index) => (
        <div key={index} className="flex gap-1">
          <div className="min-w-0 flex-1">
            <TextField bare label={`${label} ${index + 1}`} value={line} onChange={(event) => set(lines.map((other, at) => (at === index ? event.target.value : other)))} />
          </div>
          <IconButton label={`Remove ${label} ${index + 1}`} onClick={() => set(lines.filter((_, at) => at !== index))}>
            <Trash2 size={14} aria-hidden />
          </IconButton>
        </div>
      ))}
      <div>
        <Button look="quiet" icon={<Plus size={14} aria-hidden />} onClick={() => set([...lines, ''])}>
          Add
        </Button>
      </div>
      {hint ? <p className="text-xs text-faint">{hint}</p> : null}
    </fieldset>
  );
}

export function AsJson({ label, hint, value, onChange }: { label: string; hint?: string | undefined; value: unknown; onChange: (value: unknown) => void }) {
  const [text, setText] = useState(() => (value === undefined ? '' : JSON.stringify(value, null, 2)));
  const [fault, setFault] = useState<string | null>(null);
  const take = (next: string) => {
    setText(next);
    if (next.trim() === '') {
      setFault(null);
      onChange(undefined);
      return;
    }
    try {
      onChange(JSON.parse(next));
      setFault(null);
    } catch (error) {
      setFault(error instanceof Error ? error.message : 'not JSON');
    }
  };
  return (
    <div>
      <p className="mb-1 text-xs font-medium text-soft">{label} (JSON)</p>
      <Code label={label} language="json" value={text} onChange={take} />
      {fault ? (
        <p role="alert" className="mt-1 text-xs text-bad">
          {fault}
        </p>
      ) : hint ? (
        <p className="mt-1 text-xs text-faint">{hint}</p>
      ) : null}
    </div>
  );
}
