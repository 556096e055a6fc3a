import { Badge, type Tone } from './state';

export interface Finding {
  check: string;
  family: string;
  severity: string;
  score: number;
  span?: unknown;
  by: string;
  why: string;
}
const TONES: Record<string, Tone> = { critical: 'bad', high: 'bad', medium: 'warn', low: 'idle' };

/** What a check found, with the reason in words. */
export function Findings({ findings }: { findings: Finding[] }) {
  return (
    <ul className="flex flex-col gap-2">
      {findings.map((finding, index) => (
        <li key={index} className="rounded-md border border-line px-3 py-2 text-[13px]">
          <p className="flex flex-wrap items-center gap-2">
            <Badge tone={TONES[finding.severity] ?? 'idle'}>{finding.severity}</Badge>
            <span className="font-medium">{finding.check.replaceAll('_', ' ').toLowerCase()}</span>
            <span className="text-soft">{finding.family.replaceAll('_', ' ')}</span>
            <span className="ml-auto text-xs text-faint tabular-nums">
              score {finding.score.toFixed(2)} · {finding.by}
            </span>
          </p>
          <p className="mt-1 text-soft">{finding.why}</p>
        </li>
      ))}
    </ul>
  );
}

interface Span { start: number; end: number }
function spanOf(finding: Finding): Span | null {
  const span = finding.span as { start?: number; end?: number } | [number, number] | undefined;
  if (Array.isArray(span)) return { start: span[0], end: span[1] };
  return span && typeof span.start === 'number' && typeof span.end === 'number' ? { start: span.start, end: span.end } : null;
}

/** A text with each found place replaced by its kind, as the next node would read it. */
export function masked(text: string, findings: Finding[]): string {
  const bytes = new TextEncoder().encode(text);
  const decode = (from: number, to: number) => new TextDecoder().decode(bytes.slice(from, to));
  const spans = findings
    .map((finding) => ({ span: spanOf(finding), family: finding.family }))
    .filter((one): one is { span: Span; family: string } => one.span !== null && one.span.end <= bytes.length)
    .sort((a, b) => a.span.start - b.span.start);
  let at = 0;
  let out = '';
  for (const { span, family } of spans) {
    if (span.start < at) continue;
    out += `${decode(at, span.start)}[${family}]`;
    at = span.end;
  }
  return out + decode(at, bytes.length);
}

/** A text with the found places marked. Spans are byte offsets, as the server counts. */
export function Marked({ text, findings }: { text: string; findings: Finding[] }) {
  const bytes = new TextEncoder().encode(text);
  const decode = (from: number, to: number) => new TextDecoder().decode(bytes.slice(from, to));
  const cuts = findings
    .map((finding) => ({ span: spanOf(finding), finding }))
    .filter((one): one is { span: Span; finding: Finding } => one.span !== null && one.span.end <= bytes.length)
    .sort((a, b) => a.span.start - b.span.start);
  const parts: React.ReactNode[] = [];
  let at = 0;
  for (const { span, finding } of cuts) {
    if (span.end <= at) continue;
    const start = Math.max(at, span.start);
    parts.push(decode(at, start));
    parts.push(
      <mark key={start} title={finding.why} className={`rounded px-0.5 ${finding.severity === 'critical' || finding.severity === 'high' ? 'bg-bad-wash text-bad' : 'bg-warn-wash text-warn'}`}>
        {decode(start, span.end)}
      </mark>,
    );
    at = span.end;
  }
  parts.push(decode(at, bytes.length));
  return <p className="rounded-md border border-line bg-canvas p-3 text-[13px] break-words whitespace-pre-wrap">{parts}</p>;
}
