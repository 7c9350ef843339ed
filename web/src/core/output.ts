// What a program printed, bounded: the beginning and the end are kept, the middle of a very long output is dropped here (the
// server keeps it: GET /executions/{id}/output). Readers hold an offset of their own; a reader that fell far behind skips.

export type OutputKind = 'stdout' | 'stderr';
export interface Piece { readonly kind: OutputKind; readonly text: string }

export interface OutputBounds {
  /** Characters (UTF-16 units) of the beginning that are always kept. */
  readonly head: number;
  /** Characters of the end that are kept. */
  readonly tail: number;
  /** A reader that is further behind than this skips ahead, */
  readonly behind: number;
  /** to this distance from the end. */
  readonly catchUp: number;
}

export const DEFAULT_BOUNDS: OutputBounds = { head: 128 * 1024, tail: 1024 * 1024, behind: 256 * 1024, catchUp: 32 * 1024 };

interface Chunk { readonly kind: OutputKind; text: string; readonly start: number }

/** Chunks are joined up to this length, so that a million one-line messages do not become a million objects. */
const JOIN_BELOW = 4096;

export interface Read {
  readonly pieces: readonly Piece[];
  readonly next: number;
  /** Characters that were skipped before `pieces`. */
  readonly skipped: number;
}

export class OutputLog {
  readonly #bounds: OutputBounds;
  readonly #head: Chunk[] = [];
  #tail: Chunk[] = [];
  /** Chunks at the front of #tail that were dropped; the array is cut when they outweigh the rest. */
  #dropped = 0;
  #total = 0;
  #headEnd = 0;
  #newlines = 0;
  #endsInNewline = true;

  constructor(bounds: OutputBounds = DEFAULT_BOUNDS) {
    this.#bounds = bounds;
  }

  /** Characters that ever came. */
  get total(): number { return this.#total; }

  /** Lines that ever came, an unfinished last one included. */
  get lines(): number { return this.#newlines + (this.#endsInNewline ? 0 : 1); }

  /** Characters in the middle that are no longer here. */
  get missing(): number { return this.#tailStart() - this.#headEnd; }

  append(kind: OutputKind, text: string): void {
    if (text === '') return;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#newlines++;
    this.#endsInNewline = text.endsWith('\n');
    let rest = text;
    const room = this.#bounds.head - this.#headEnd;
    if (room > 0 && this.#tail.length === 0) {
      const fits = rest.slice(0, room);
      this.#push(this.#head, kind, fits);
      this.#headEnd = this.#total;
      rest = rest.slice(fits.length);
    }
    if (rest === '') return;
    this.#push(this.#tail, kind, rest);
    this.#trim();
  }

  #push(into: Chunk[], kind: OutputKind, text: string): void {
    const last = into.at(-1);
    if (last !== undefined && last.kind === kind && last.text.length + text.length <= JOIN_BELOW) last.text += text;
    else into.push({ kind, text, start: this.#total });
    this.#total += text.length;
  }

  #trim(): void {
    const from = this.#total - this.#bounds.tail;
    let chunk = this.#tail[this.#dropped];
    while (chunk !== undefined && chunk.start + chunk.text.length <= from) chunk = this.#tail[++this.#dropped];
    if (this.#dropped > 256 && this.#dropped * 2 > this.#tail.length) {
      this.#tail = this.#tail.slice(this.#dropped);
      this.#dropped = 0;
    }
  }

  #tailStart(): number {
    return this.#tail[this.#dropped]?.start ?? this.#headEnd;
  }

  /**
   * At most `limit` characters from `offset` on. When what is wanted was dropped, or the reader is too far behind, reading goes on
   * at the start of a line nearer to the end, and `skipped` says how much lies between.
   */
  read(offset: number, limit: number): Read {
    let from = Math.max(0, offset);
    const skipTo = from < this.#headEnd ? from
      : this.#total - from > this.#bounds.behind ? this.#lineStart(Math.max(this.#tailStart(), this.#total - this.#bounds.catchUp))
      : from < this.#tailStart() ? this.#lineStart(this.#tailStart()) : from;
    const skipped = skipTo - from;
    from = skipTo;
    const pieces: Piece[] = [];
    let taken = 0;
    // A read never crosses the hole between head and tail: the next one then sees it as skipped.
    const chunks = from < this.#headEnd ? this.#head : this.#tail;
    for (let i = chunks === this.#head ? find(chunks, 0, from) : find(chunks, this.#dropped, from); i < chunks.length && taken < limit; i++) {
      const chunk = chunks[i] as Chunk;
      const text = chunk.text.slice(Math.max(0, from - chunk.start), Math.max(0, from - chunk.start) + limit - taken);
      if (text === '') continue;
      pieces.push({ kind: chunk.kind, text });
      taken += text.length;
      from += text.length;
    }
    return { pieces, next: from, skipped };
  }

  #lineStart(from: number): number {
    for (let i = find(this.#tail, this.#dropped, from); i < this.#tail.length; i++) {
      const chunk = this.#tail[i] as Chunk;
      const at = chunk.text.indexOf('\n', Math.max(0, from - chunk.start));
      if (at >= 0) return chunk.start + at + 1;
    }
    return from;
  }

  /**
   * The first and the last lines, when there are more than both together; else undefined: then everything fits and is simply read.
   */
  excerpt(headLines: number, tailLines: number): { readonly head: readonly Piece[]; readonly tail: readonly Piece[]; readonly skippedLines: number } | undefined {
    if (this.lines <= headLines + tailLines) return undefined;
    const tailChunks = this.#tail.slice(this.#dropped);
    const head: Piece[] = [];
    let wanted = headLines;
    for (const chunk of [...this.#head, ...(this.missing > 0 ? [] : tailChunks)]) {
      const cut = nthNewline(chunk.text, wanted);
      head.push({ kind: chunk.kind, text: chunk.text.slice(0, cut.at) });
      wanted -= cut.found;
      if (wanted === 0) break;
    }
    const headMissing = wanted;
    const tail: Piece[] = [];
    // An unfinished last line counts as one, the newline that ends the line before the first wanted one does not belong to it.
    wanted = tailLines + (this.#endsInNewline ? 1 : 0);
    const backwards = [...(this.missing > 0 ? [] : this.#head), ...tailChunks].reverse();
    for (const chunk of backwards) {
      let at = chunk.text.length;
      while (wanted > 0 && at > 0) {
        at = chunk.text.lastIndexOf('\n', at - 1);
        if (at < 0) break;
        wanted--;
      }
      tail.unshift({ kind: chunk.kind, text: chunk.text.slice(wanted === 0 ? at + 1 : 0) });
      if (wanted === 0) break;
    }
    return { head, tail, skippedLines: this.lines - (headLines - headMissing) - (tailLines - wanted) };
  }

  /** What is kept, as one text, with a line of its own where the middle is missing. */
  text(): string {
    const join = (chunks: readonly Chunk[]): string => chunks.map((chunk) => chunk.text).join('');
    const middle = this.missing > 0 ? `\n… ${this.missing} characters are not shown here …\n` : '';
    return join(this.#head) + middle + join(this.#tail.slice(this.#dropped));
  }

  /** The last `chars` characters that are kept. */
  end(chars: number): string {
    let text = '';
    for (const chunks of [this.#tail.slice(this.#dropped), this.#head]) {
      for (let i = chunks.length - 1; i >= 0 && text.length < chars; i--) text = (chunks[i] as Chunk).text + text;
    }
    return text.slice(-chars);
  }
}

/** The end of the `count`th line in `text`, or its whole length with as many lines as there are. */
function nthNewline(text: string, count: number): { readonly at: number; readonly found: number } {
  let at = 0;
  for (let found = 0; found < count; found++) {
    const next = text.indexOf('\n', at);
    if (next < 0) return { at: text.length, found };
    at = next + 1;
  }
  return { at, found: count };
}

/** Index of the chunk that holds `offset` (chunks ascend), at least `low`. */
function find(chunks: readonly Chunk[], low: number, offset: number): number {
  let from = low;
  let to = chunks.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const chunk = chunks[middle] as Chunk;
    if (chunk.start + chunk.text.length <= offset) from = middle + 1;
    else to = middle;
  }
  return from;
}
