import { describe, expect, it } from 'vitest';
import { OutputLog, type Piece } from '../src/core/output';

const BOUNDS = { head: 20, tail: 40, behind: 30, catchUp: 10 };
const joined = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text).join('');

function readAll(log: OutputLog, limit: number): { text: string; skipped: number } {
  let offset = 0;
  let text = '';
  let skipped = 0;
  for (let turns = 0; offset < log.total; turns++) {
    if (turns > 10_000) throw new Error('reading does not end');
    const read = log.read(offset, limit);
    text += joined(read.pieces);
    skipped += read.skipped;
    offset = read.next;
  }
  return { text, skipped };
}

describe('OutputLog', () => {
  it('gives back everything that fits, in order and by kind', () => {
    const log = new OutputLog(BOUNDS);
    log.append('stdout', 'one\n');
    log.append('stderr', 'two\n');
    log.append('stdout', 'three');
    expect(log.read(0, 1000)).toEqual({
      pieces: [{ kind: 'stdout', text: 'one\n' }, { kind: 'stderr', text: 'two\n' }, { kind: 'stdout', text: 'three' }], next: 13, skipped: 0,
    });
    expect(log.lines).toBe(3);
    expect(log.text()).toBe('one\ntwo\nthree');
  });

  it('can be read in pieces of any size, across the end of the head', () => {
    const log = new OutputLog(BOUNDS);
    const text = 'abcdefghij'.repeat(4);
    for (const char of text) log.append('stdout', char);
    for (const limit of [1, 3, 7, 100]) expect(readAll(log, limit)).toEqual({ text, skipped: 0 });
  });

  it('drops the middle, keeps the beginning and the end, and says how much is missing', () => {
    const log = new OutputLog(BOUNDS);
    for (let i = 0; i < 5000; i++) log.append(i % 2 === 0 ? 'stdout' : 'stderr', `${String(i).padStart(5, '0')}\n`);
    const { text, skipped } = readAll(log, 1000);
    expect(text.startsWith('00000\n00001\n')).toBe(true);
    expect(text.endsWith('04999\n')).toBe(true);
    expect(text.length + skipped).toBe(log.total);
    expect(log.missing).toBeGreaterThan(29_000);
    expect(log.lines).toBe(5000);
    expect(log.text()).toContain('characters are not shown here');
  });

  it('bounds what it holds, whatever comes', () => {
    const log = new OutputLog(BOUNDS);
    for (let i = 0; i < 20_000; i++) log.append(i % 2 === 0 ? 'stdout' : 'stderr', 'x'.repeat(10));
    expect(log.text().length).toBeLessThan(BOUNDS.head + BOUNDS.tail + 100);
  });

  it('lets a reader that fell behind go on at the start of a line near the end', () => {
    const log = new OutputLog(BOUNDS);
    for (const kind of ['stdout', 'stderr'] as const) for (let i = 0; i < 8; i++) log.append(kind, `line${i}\n`);
    const read = log.read(BOUNDS.head, 1000);
    expect(read.skipped).toBeGreaterThan(0);
    expect(joined(read.pieces).startsWith('line')).toBe(true);
    expect(read.next).toBe(log.total);
  });

  it('never skips the head, however far behind the reader is', () => {
    const log = new OutputLog(BOUNDS);
    log.append('stdout', `${'a'.repeat(20)}${'b'.repeat(100)}`);
    expect(log.read(0, 1000)).toMatchObject({ skipped: 0, next: 20 });
  });

  it('makes an excerpt of first and last lines only when there are more', () => {
    const log = new OutputLog();
    for (let i = 0; i < 100; i++) log.append('stdout', `${i}\n`);
    expect(log.excerpt(50, 50)).toBeUndefined();
    const excerpt = log.excerpt(2, 3);
    expect(joined(excerpt?.head ?? [])).toBe('0\n1\n');
    expect(joined(excerpt?.tail ?? [])).toBe('97\n98\n99\n');
    expect(excerpt?.skippedLines).toBe(95);
    log.append('stdout', 'unfinished');
    expect(joined(log.excerpt(2, 3)?.tail ?? [])).toBe('98\n99\nunfinished');
  });

  it('counts the lines of an excerpt whose middle was dropped', () => {
    const log = new OutputLog(BOUNDS);
    for (let i = 0; i < 5000; i++) log.append(i % 2 === 0 ? 'stdout' : 'stderr', `${String(i).padStart(5, '0')}\n`);
    const excerpt = log.excerpt(2, 2);
    expect(joined(excerpt?.head ?? [])).toBe('00000\n00001\n');
    expect(joined(excerpt?.tail ?? [])).toBe('04998\n04999\n');
    expect(excerpt?.skippedLines).toBe(4996);
  });

  it('gives the end as text', () => {
    const log = new OutputLog(BOUNDS);
    log.append('stdout', 'hello ');
    log.append('stderr', 'world');
    expect(log.end(8)).toBe('lo world');
  });
});
