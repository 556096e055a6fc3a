import { Check, Copy } from 'lucide-react';
import { useMemo, useState } from 'react';
import { IconButton } from './button';

const MOST = 200_000;

/** A value as indented JSON, as text, with a way to copy it whole. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const [copied, setCopied] = useState(false);
  const text = useMemo(() => (typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? 'null')), [value]);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <div className="group relative min-w-0">
      <pre tabIndex={0} aria-label={label} className="max-h-96 overflow-auto rounded-md border border-line bg-canvas p-3 font-mono text-xs leading-relaxed break-words whitespace-pre-wrap text-ink">
        {text.length > MOST ? `${text.slice(0, MOST)}\n… ${text.length - MOST} characters more: copy it to see them` : text}
      </pre>
      <span className="absolute top-1 right-1 bg-canvas">
        <IconButton label={copied ? 'Copied' : `Copy ${label.toLowerCase()}`} onClick={() => void copy()}>
          {copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
        </IconButton>
      </span>
    </div>
  );
}
