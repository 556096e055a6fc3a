import type { KeyboardEvent, ReactNode } from 'react';

export interface Column<T> {
  key: string;
  title: string;
  cell: (row: T) => ReactNode;
  /** Left out on narrow screens. */
  wide?: boolean;
  className?: string;
}

/** A plain table for lists of some hundred rows. A row that opens something is a link to the keyboard too. */
export function Table<T>({ label, columns, rows, id, open }: { label: string; columns: Column<T>[]; rows: T[]; id: (row: T) => string; open?: (row: T) => void }) {
  const keyed = (event: KeyboardEvent, row: T) => {
    if (open && (event.key === 'Enter' || event.key === ' ') && event.target === event.currentTarget) {
      event.preventDefault();
      open(row);
    }
  };
  return (
    // biome-ignore lint: a region that scrolls must be reachable by keyboard
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={label}>
      <table className="w-full border-collapse text-left text-[13px]">
        <thead>
          <tr className="border-b border-line text-xs text-faint">
            {columns.map((column) => (
              <th key={column.key} scope="col" className={`px-4 py-2 font-medium whitespace-nowrap ${column.wide ? 'hidden md:table-cell' : ''} ${column.className?.includes('text-right') ? 'text-right' : ''}`}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={id(row)}
              tabIndex={open ? 0 : undefined}
              onKeyDown={(event) => keyed(event, row)}
              onClick={open ? (event) => !(event.target as HTMLElement).closest('button,a,input') && open(row) : undefined}
              className={`border-b border-line last:border-0 ${open ? 'cursor-pointer hover:bg-raised/60' : ''}`}
            >
              {columns.map((column) => (
                <td key={column.key} className={`px-4 py-2 align-middle ${column.wide ? 'hidden md:table-cell' : ''} ${column.className ?? ''}`}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
