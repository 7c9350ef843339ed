// Which formats of a result can be shown, best first.
import type { Result } from './protocol';

export type Format = 'png' | 'jpeg' | 'svg' | 'table' | 'html' | 'markdown' | 'latex' | 'json' | 'chart' | 'data' | 'text' | 'javascript' | 'pdf';

export interface Shown { readonly format: Format; readonly value: unknown }

const ORDER: readonly Exclude<Format, 'table'>[] = ['png', 'jpeg', 'svg', 'html', 'markdown', 'latex', 'json', 'pdf', 'chart', 'data', 'javascript', 'text'];

export const FORMAT_WORD: Readonly<Record<Format, string>> = {
  png: 'Image', jpeg: 'Image', svg: 'SVG', table: 'Table', html: 'HTML', markdown: 'Markdown', latex: 'LaTeX', json: 'JSON', chart: 'Chart data', data: 'Data',
  text: 'Text', javascript: 'JavaScript', pdf: 'PDF',
};

/** Everything of a result that can be shown; what it carries under names that are not known is shown as JSON rather than dropped. */
export function formatsOf(result: Result): readonly Shown[] {
  const shown: Shown[] = [];
  for (const format of ORDER) {
    const value = result.formats[format];
    if (value === undefined) continue;
    if (format === 'html' && typeof value === 'string' && isDataFrame(value)) shown.push({ format: 'table', value });
    shown.push({ format, value });
  }
  const rest = Object.entries(result.formats).filter(([name, value]) => !(ORDER as readonly string[]).includes(name) && !isEmpty(value));
  if (rest.length > 0) shown.push({ format: 'data', value: Object.fromEntries(rest) });
  return shown;
}

/** pandas marks its tables: exactly one of them, and it can be shown as a table of our own, from its text alone. */
function isDataFrame(html: string): boolean {
  return /<table[^>]*class="[^"]*\bdataframe\b/.test(html) && html.match(/<table/g)?.length === 1;
}

const isEmpty = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** Base64 has line breaks in Jupyter's messages. */
export const base64Of = (value: unknown): string => typeof value === 'string' ? value.replace(/\s+/g, '') : '';

/** CSV by RFC 4180. */
export function csv(rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

export interface Table { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }

/** Reads CSV by RFC 4180, forgiving: a quote that never ends runs to the end of the text. */
export function parseCsv(text: string, delimiter: string): Table {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (quoted) {
      if (char !== '"') cell += char;
      else if (text[at + 1] === '"') { cell += '"'; at++; }
      else quoted = false;
    } else if (char === '"' && cell === '') quoted = true;
    else if (char === delimiter) { row.push(cell); cell = ''; }
    else if (char === '\n') { row.push(cell); rows.push(row); row = []; cell = ''; }
    else if (char !== '\r' || text[at + 1] !== '\n') cell += char;
  }
  if (cell !== '' || row.length > 0) { row.push(cell); rows.push(row); }
  const [head = [], ...rest] = rows;
  return { head, rows: rest };
}

/** Orders cells: numbers by value (and before text), text by the words of people. */
export function compareCells(a: string, b: string): number {
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== undefined && y !== undefined) return x - y;
  if (x !== undefined) return -1;
  if (y !== undefined) return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

export function numeric(text: string): number | undefined {
  const bare = text.trim().replaceAll(',', '');
  if (bare === '' || !/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?%?$/i.test(bare)) return undefined;
  return Number(bare.replace('%', ''));
}
