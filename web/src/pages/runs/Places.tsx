import { useQuery } from '@tanstack/react-query';
import { api, body } from '../../api/client';
import { useKeys, useScope } from '../../session';
import { type Finding, Marked } from '../../ui/findings';
import type { NodeLog } from './log';

interface Place {
  pointer: string;
  in_key?: boolean;
  span?: { start: number; end: number } | null;
  score?: number;
}
interface Detail {
  check?: string;
  family?: string;
  by?: string;
  why?: string;
  path?: string;
  places?: Place[];
}

/** The texts that a guardrail screened in this node, as they are kept, with what was found marked in its place. */
export function Places({ run, node }: { run: string; node: NodeLog }) {
  const { path, may } = useScope();
  const keys = useKeys();
  const found = useQuery({
    queryKey: keys.of('violations', 'run', run),
    enabled: may('incident.view'),
    queryFn: async () => (await body(api.GET('/api/v1/teams/{team}/{environment}/guardrails/violations', { params: { path, query: { run, kind: 'guardrail', limit: 200 } } }))).items,
  });
  const byPointer = new Map<string, Finding[]>();
  for (const one of found.data ?? []) {
    const detail = one.detail as Detail;
    if (one.node !== node.node || (detail.path ?? '') !== (node.path ?? '')) continue;
    for (const place of detail.places ?? []) {
      if (!place.span || place.in_key) continue;
      const finding: Finding = { check: detail.check ?? one.name, family: detail.family ?? '', severity: one.severity, score: place.score ?? 1, span: place.span, by: detail.by ?? '', why: detail.why ?? '' };
      byPointer.set(place.pointer, [...(byPointer.get(place.pointer) ?? []), finding]);
    }
  }
  const shown = [...byPointer].flatMap(([pointer, findings]) => {
    const text = at(node.input, pointer);
    const moved = typeof text === 'string' ? asKept(text, findings) : null;
    return moved && typeof text === 'string' ? [{ pointer, text, findings: moved }] : [];
  });
  if (shown.length === 0) return null;
  return (
    <section aria-label="Where it was found" className="flex min-w-0 flex-col gap-2">
      <h3 className="text-xs font-medium text-soft">Where it was found</h3>
      {shown.slice(0, 5).map(({ pointer, text, findings }) => (
        <div key={pointer}>
          {pointer ? <p className="mb-0.5 font-mono text-xs text-faint">{pointer.slice(1).replaceAll('/', '.')}</p> : null}
          <Marked text={text} findings={findings} />
        </div>
      ))}
      {shown.length > 5 ? <p className="text-xs text-soft">and {shown.length - 5} more texts</p> : null}
    </section>
  );
}

/** RFC 6901. */
function at(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((inner, token) => (inner && typeof inner === 'object' ? (inner as Record<string, unknown>)[token] : undefined), value);
}

/**
 * Spans count in the text as it was screened; kept is the text with personal data replaced by markers. So spans move by
 * what each marker is longer or shorter. When the markers are not where they should be, nothing is marked at all.
 */
export function asKept(text: string, findings: Finding[]): Finding[] | null {
  const bytes = new TextEncoder().encode(text);
  const span = (finding: Finding) => finding.span as { start: number; end: number };
  const markers = findings.filter((one) => one.check === 'PII_REDACTION').sort((a, b) => span(a).start - span(b).start);
  const shift = (offset: number, past: (end: number) => boolean) => markers.reduce((sum, one) => (past(span(one).end) ? sum + one.family.length + 2 - (span(one).end - span(one).start) : sum), offset);
  const moved: Finding[] = [];
  for (const one of findings) {
    const { start, end } = span(one);
    const from = shift(start, (marker) => marker <= start);
    const to = shift(end, (marker) => marker <= end);
    if (to > bytes.length || from >= to) return null;
    if (one.check === 'PII_REDACTION' && new TextDecoder().decode(bytes.slice(from, to)) !== `[${one.family}]`) return null;
    moved.push({ ...one, span: { start: from, end: to } });
  }
  return moved;
}
