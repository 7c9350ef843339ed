import { describe, expect, it } from 'vitest';
import { ansiSpans, lastLines, stripAnsi } from '../src/core/ansi';
import { explain } from '../src/core/failures';
import { ago, clock, count, duration, fence, size } from '../src/core/format';
import { compareCells, csv, formatsOf, numeric, parseCsv } from '../src/core/results';

const ESC = '\u001b';

describe('ansi', () => {
  it('removes escapes of every kind', () => {
    expect(stripAnsi(`${ESC}[1;31mred${ESC}[0m ${ESC}]8;;http://x${ESC}\\link${ESC}]8;;\u0007 ${ESC}(B`)).toBe('red link ');
  });
  it('shows the last lines as a terminal does', () => {
    expect(lastLines('a\r\nb\n10%\r20%\r100%\nlast', 3)).toEqual(['b', '100%', 'last']);
    expect(lastLines('x\n', 5)).toEqual(['x']);
  });
  it('keeps the colours of a traceback', () => {
    expect(ansiSpans(`${ESC}[1;31mE${ESC}[0m: ${ESC}[38;5;28mx${ESC}[39my`)).toEqual([{ text: 'E', color: 1, bold: true }, { text: ': ' }, { text: 'x' }, { text: 'y' }]);
  });
});

describe('format', () => {
  it('writes numbers for people', () => {
    expect([duration(0.4), duration(999), duration(1240), duration(61_000), duration(3_700_000)]).toEqual(['0 ms', '999 ms', '1.24 s', '1 min 01 s', '1 h 01 min']);
    expect([size(0), size(999), size(3_100_000), size(999_999)]).toEqual(['0 B', '999 B', '3.1 MB', '1.0 MB']);
    expect([count(1), count(1234567), clock(1250)]).toEqual(['1', '1,234,567', '1.3 s']);
    expect([ago(0, 10), ago(0, 3_600_000), ago(0, 90_000_000)]).toEqual(['just now', '1 h ago', 'yesterday']);
  });
  it('fences code that has fences in it', () => {
    expect(fence('python', 'print(1)\n')).toBe('```python\nprint(1)\n```');
    expect(fence('', 'a ``` b')).toBe('````\na ``` b\n````');
  });
});

describe('results', () => {
  const result = (formats: Record<string, unknown>): readonly string[] => formatsOf({ isMain: true, formats }).map(({ format }) => format);
  it('puts the richest format first', () => {
    expect(result({ text: '<Figure>', png: 'AAAA' })).toEqual(['png', 'text']);
    expect(result({ text: 'x', html: '<b>x</b>' })).toEqual(['html', 'text']);
  });
  it('knows a table of pandas', () => {
    expect(result({ html: '<table border="1" class="dataframe"></table>', text: 'x' })).toEqual(['table', 'html', 'text']);
    expect(result({ html: '<table class="dataframe"></table><table></table>' })).toEqual(['html']);
  });
  it('drops nothing that it does not know', () => {
    expect(formatsOf({ isMain: false, formats: { 'application/x': 1, extra: {} } })).toEqual([{ format: 'data', value: { 'application/x': 1 } }]);
  });
  it('reads the CSV that it writes, and what others write', () => {
    const rows = [['a', 'b"c'], ['1,2', 'x\ny'], ['', 'z']];
    expect(parseCsv(csv(rows), ',')).toEqual({ head: rows[0], rows: rows.slice(1) });
    expect(parseCsv('a\tb\n1\t"2', '\t')).toEqual({ head: ['a', 'b'], rows: [['1', '2']] });
    expect(parseCsv('', ',')).toEqual({ head: [], rows: [] });
  });
  it('sorts cells and writes CSV', () => {
    expect(['10', 'b', '9', '1,000', 'a', '-2.5e1'].sort(compareCells)).toEqual(['-2.5e1', '9', '10', '1,000', 'a', 'b']);
    expect([numeric('1,234.5'), numeric('NaN'), numeric('')]).toEqual([1234.5, undefined, undefined]);
    expect(csv([['a', 'b"c'], ['1,2', 'x\ny']])).toBe('a,"b""c"\r\n"1,2","x\ny"\r\n');
  });
});

describe('explain', () => {
  it('names the cause, the line and what to do', () => {
    const traceback = `${ESC}[36mCell${ESC}[39m ${ESC}[32mIn[3]${ESC}[39m, line 2\nx`;
    expect(explain('error', '', { text: '', name: 'FileNotFoundError', value: 'no such file', traceback })).toEqual({
      title: 'FileNotFoundError: no such file', line: 2, advice: 'See the Files tab for what is there; drop a file into the page to add one.',
    });
    expect(explain('timeout', 'Stopped after 30 s', undefined)?.advice).toBe('Stopped after 30 s. Make it do less at once, or split it into steps.');
    expect(explain('error', 'The sandbox died', undefined)?.title).toBe('The sandbox died');
    expect(explain('completed', '', undefined)).toBeUndefined();
  });
});
