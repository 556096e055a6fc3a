import { useLayoutEffect, useRef, useState } from 'react';

export interface Series {
  name: string;
  /** A class that fills, such as `fill-bad`. */
  fill: string;
  values: number[];
}
const HEIGHT = 168;
const LEFT = 52;
const BOTTOM = 20;
const TOP = 8;

/** A round number at or above `most`, so that the axis reads well. */
function ceiling(most: number, least: number): number {
  if (most <= least) return least;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 10].map((step) => step * power).find((step) => step >= most) ?? most;
}

function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    setWidth(element.clientWidth || 600);
    const watcher = new ResizeObserver(() => setWidth(element.clientWidth || 600));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  return [ref, width] as const;
}

/** Stacked columns, one for each label, with the same numbers as a table for whoever cannot see them. */
export function Columns({ label, labels, series, format = (value) => value.toLocaleString(), mark, least = 4 }: { label: string; labels: string[]; series: Series[]; format?: (value: number) => string; mark?: { at: number; name: string }; least?: number }) {
  const [ref, width] = useWidth();
  const totals = labels.map((_, index) => series.reduce((sum, one) => sum + (one.values[index] ?? 0), 0));
  const top = ceiling(Math.max(0, ...totals), least);
  const inner = Math.max(40, width - LEFT - 4);
  const step = inner / Math.max(1, labels.length);
  const tall = HEIGHT - TOP - BOTTOM;
  const y = (value: number) => TOP + tall - (value / top) * tall;
  const every = Math.max(1, Math.ceil(labels.length / Math.max(2, Math.floor(inner / 74))));
  const shown = series.filter((one) => one.values.some((value) => value > 0));
  return (
    <figure ref={ref} className="min-w-0">
      <svg role="img" aria-label={`${label}: ${shown.map((one) => `${one.name} ${format(one.values.reduce((sum, value) => sum + value, 0))}`).join(', ') || 'nothing'}`} width={width} height={HEIGHT} className="block max-w-full">
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <line x1={LEFT} x2={width} y1={y(top * part)} y2={y(top * part)} className="stroke-line" />
            <text x={LEFT - 6} y={y(top * part) + 4} textAnchor="end" className="fill-faint text-[11px] tabular-nums">
              {format(top * part)}
            </text>
          </g>
        ))}
        {labels.map((name, index) => {
          let below = 0;
          return (
            <g key={name}>
              <title>{`${name}: ${series.map((one) => `${one.name} ${format(one.values[index] ?? 0)}`).join(', ')}`}</title>
              <rect x={LEFT + index * step} y={TOP} width={step} height={tall} className="fill-transparent hover:fill-raised" />
              {series.map((one) => {
                const value = one.values[index] ?? 0;
                if (value === 0) return null;
                const from = below;
                below += value;
                return <rect key={one.name} x={LEFT + index * step + step * 0.15} y={y(below)} width={Math.max(1, step * 0.7)} height={Math.max(1, y(from) - y(below))} rx={Math.min(2, step * 0.1)} className={one.fill} />;
              })}
              {index % every === 0 ? (
                <text x={LEFT + index * step + step / 2} y={HEIGHT - 5} textAnchor={index === 0 && step < 40 ? 'start' : 'middle'} className="fill-faint text-[11px]">
                  {name}
                </text>
              ) : null}
            </g>
          );
        })}
        {mark ? (
          <g>
            <line x1={LEFT + mark.at * inner} x2={LEFT + mark.at * inner} y1={TOP} y2={TOP + tall} strokeDasharray="4 3" className="stroke-accent" strokeWidth={2} />
            <text x={LEFT + mark.at * inner + (mark.at > 0.7 ? -5 : 5)} y={TOP + 10} textAnchor={mark.at > 0.7 ? 'end' : 'start'} className="fill-accent text-[11px] font-semibold">
              {mark.name}
            </text>
          </g>
        ) : null}
      </svg>
      <figcaption className="mt-1 flex flex-wrap items-center gap-x-4 gap-y-1 text-xs text-soft">
        {shown.length > 1
          ? shown.map((one) => (
              <span key={one.name} className="flex items-center gap-1.5">
                <svg width="10" height="10" aria-hidden>
                  <rect width="10" height="10" rx="2" className={one.fill} />
                </svg>
                {one.name}
              </span>
            ))
          : null}
        <details className="ml-auto">
          <summary>As a table</summary>
          <div className="max-h-60 overflow-auto" tabIndex={0} role="region" aria-label={`${label}, as a table`}>
            <table className="mt-1 text-left tabular-nums">
              <thead>
                <tr>
                  <th scope="col" className="pr-4 font-medium" aria-label="Where" />
                  {series.map((one) => (
                    <th key={one.name} scope="col" className="pr-4 font-medium">{one.name}</th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {labels.map((name, index) =>
                  totals[index] ? (
                    <tr key={name}>
                      <th scope="row" className="pr-4 font-normal">{name}</th>
                      {series.map((one) => (
                        <td key={one.name} className="pr-4">{format(one.values[index] ?? 0)}</td>
                      ))}
                    </tr>
                  ) : null,
                )}
              </tbody>
            </table>
          </div>
        </details>
      </figcaption>
    </figure>
  );
}

/** The days from `from` on, `days` of them, as `2027-01-31`. */
export function daysFrom(from: string, days: number): string[] {
  const first = new Date(`${from}T00:00:00Z`).getTime();
  return Array.from({ length: days }, (_, day) => new Date(first + day * 86_400_000).toISOString().slice(0, 10));
}
