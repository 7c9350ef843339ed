import { ArrowDown, ArrowUp, Download } from 'lucide-react';
import { useMemo, useState, type ReactElement } from 'react';
import { plural } from '../../core/format';
import { compareCells, csv, numeric, type Table } from '../../core/results';
import { save } from '../copy';
import { IconButton } from '../IconButton';
import { HtmlFrame } from './HtmlFrame';

const ROWS = 500;

/** Only the text of the cells is taken: a document made by DOMParser runs and loads nothing. `undefined`: not a plain table. */
function read(html: string): Table | undefined {
  const table = new DOMParser().parseFromString(html, 'text/html').querySelector('table');
  const cells = (row: Element): string[] => [...row.children].map((cell) => cell.textContent.trim());
  const heads = [...table?.querySelectorAll('thead tr') ?? []];
  if (table === null || heads.length === 0 || heads.length > 2 || table.querySelector('[colspan]:not([colspan="1"]), [rowspan]:not([rowspan="1"])') !== null) return undefined;
  // With a named index pandas writes a second head row that holds its name.
  const head = cells(heads[0] as Element).map((name, at) => name === '' && heads[1] !== undefined ? (cells(heads[1])[at] ?? '') : name);
  return { head, rows: [...table.querySelectorAll('tbody tr')].map(cells) };
}

/** A table of pandas: of our own where it is a plain one, else as the HTML that it is. */
export function DataFrameView({ html }: { readonly html: string }): ReactElement {
  const table = useMemo(() => read(html), [html]);
  return table === undefined ? <HtmlFrame html={html} /> : <TableView table={table} />;
}

export function TableView({ table }: { readonly table: Table }): ReactElement {
  const [sort, setSort] = useState<{ readonly column: number; readonly down: boolean }>();
  const [filter, setFilter] = useState('');
  const rows = useMemo(() => {
    const wanted = filter.trim().toLowerCase();
    const kept = table.rows.filter((row) => wanted === '' || row.some((cell) => cell.toLowerCase().includes(wanted)));
    if (sort === undefined) return kept;
    const sign = sort.down ? -1 : 1;
    return kept.toSorted((a, b) => sign * compareCells(a[sort.column] ?? '', b[sort.column] ?? ''));
  }, [table, sort, filter]);
  const numbers = useMemo(() => table.head.map((_, column) => table.rows.every((row) => numeric(row[column] ?? '') !== undefined || /^(NaN|None|)$/.test(row[column] ?? ''))), [table]);
  const click = (column: number): void => setSort(sort?.column !== column ? { column, down: false } : sort.down ? undefined : { column, down: true });
  return (
    <div className="table-view">
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Table">
        <table>
          <thead>
            <tr>
              {table.head.map((name, column) => (
                <th key={column} className={numbers[column] === true ? 'number' : ''} aria-sort={sort?.column === column ? (sort.down ? 'descending' : 'ascending') : 'none'}>
                  <button type="button" onClick={() => click(column)} title="Sort">
                    {name === '' ? '#' : name}
                    {sort?.column === column && (sort.down ? <ArrowDown size={12} aria-hidden /> : <ArrowUp size={12} aria-hidden />)}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, ROWS).map((row, at) => (
              <tr key={at}>{row.map((cell, column) => <td key={column} className={numbers[column] === true ? 'number' : ''}>{cell}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="table-tools">
        <span className="muted">{plural(rows.length, 'row')}{rows.length > ROWS ? `, the first ${ROWS} shown` : ''}</span>
        <span className="spacer" />
        {table.rows.length > 8 && <input type="search" placeholder="Filter" aria-label="Filter rows" value={filter} onChange={(event) => setFilter(event.target.value)} />}
        <IconButton icon={Download} label="Download as CSV" onClick={() => save('table.csv', new Blob([csv([table.head, ...rows])], { type: 'text/csv' }))} />
      </div>
    </div>
  );
}
