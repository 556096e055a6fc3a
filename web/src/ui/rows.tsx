import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useMemo, useRef } from 'react';
import { Failed, Skeleton } from './state';

export interface Cell<T> {
  title: string;
  cell: (row: T) => ReactNode;
  /** Left out on narrow screens. */
  wide?: boolean;
  className?: string;
  tip?: (row: T) => string;
}
/** What `useInfiniteQuery` gives, as far as it is needed here. */
interface Pages<T> {
  data: { pages: { items: T[] }[] } | undefined;
  isPending: boolean;
  isError: boolean;
  error: unknown;
  refetch: () => unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

/**
 * A list of any length: only the rows in sight are in the page, and the next ones are fetched before they are reached.
 * `grid` holds the classes that make the columns; `tall` the one that bounds the height.
 */
export function Rows<T>({ label, order, list, id, cells, grid, height, tall, empty }: { label: string; order: string; list: Pages<T>; id: (row: T) => string; cells: Cell<T>[]; grid: string; height: number; tall: string; empty: ReactNode }) {
  const pages = list.data?.pages;
  const rows = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => height, overscan: 12 });
  const last = virtual.getVirtualItems().at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (last >= rows.length - 20 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  if (list.isPending) return <Skeleton rows={10} />;
  if (list.isError && rows.length === 0) return <div className="p-4"><Failed error={list.error} retry={() => void list.refetch()} /></div>;
  if (rows.length === 0) return empty;
  const hidden = (one: Cell<T>) => (one.wide ? 'max-md:hidden' : '');
  return (
    <div role="table" aria-label={label} aria-rowcount={hasNextPage ? -1 : rows.length} className="text-[13px]">
      <div role="rowgroup">
        <div role="row" className={`grid gap-3 border-b border-line px-4 py-2 text-xs font-medium text-faint ${grid}`}>
          {cells.map((one) => <span key={one.title} role="columnheader" className={hidden(one)}>{one.title}</span>)}
        </div>
      </div>
      <div ref={scroller} role="rowgroup" tabIndex={0} aria-label={order} className={`overflow-y-auto ${tall}`}>
        <div className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return row === undefined ? null : (
              <div key={id(row)} role="row" aria-rowindex={item.index + 2} className={`absolute inset-x-0 grid items-center gap-3 border-b border-line px-4 hover:bg-raised/60 ${grid}`} style={{ height, transform: `translateY(${item.start}px)` }}>
                {cells.map((one) => <span key={one.title} role="cell" title={one.tip?.(row)} className={`min-w-0 ${hidden(one)} ${one.className ?? ''}`}>{one.cell(row)}</span>)}
              </div>
            );
          })}
        </div>
      </div>
      {list.isError ? <div className="border-t border-line p-3"><Failed error={list.error} retry={() => void fetchNextPage()} /></div> : null}
    </div>
  );
}
