import { Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Button, IconButton } from '../../../ui/button';
import { Code, type Language } from '../../../ui/code';
import { Check, Select, TextArea, TextField } from '../../../ui/field';

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
}

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
        <Field key={name} name={name} schema={field} required={schema.required?.includes(name) ?? false} value={value[name]} onChange={(next) => set(name, next)} helps={helps} language={languageOf(name, field, value)} />
      ))}
    </div>
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
  if (schema.type === 'array' && schema.items?.enum) {
    const chosen = Array.isArray(value) ? (value as unknown[]) : [];
    return (
      <fieldset className="flex flex-col gap-1.5">
        <legend className="mb-1 text-xs font-medium text-soft">{label}</legend>
        {schema.items.enum.map((one) => (
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
        <SchemaForm schema={schema} value={(value as Value) ?? {}} onChange={(next) => onChange(Object.keys(next).length === 0 ? undefined : next)} helps={helps} />
      </fieldset>
    );
  }
  if (is(schema, 'string') && (schema.maxLength === undefined || schema.maxLength <= 300) && !schema['x-editor']) {
    return <TextField label={label} hint={hint} placeholder={ghost} maxLength={schema.maxLength} value={typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)} onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)} />;
  }
  if (is(schema, 'string') || schema['x-editor'] === 'expression' || schema['x-editor'] === 'template') return <Expression label={label} hint={hint} ghost={ghost} value={value} onChange={onChange} helps={helps} asText={schema.type === 'string'} />;
  return <AsJson label={label} hint={hint} value={value} onChange={onChange} />;
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
