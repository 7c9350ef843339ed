// Terminal escape sequences in text that is shown outside of a terminal.

// CSI, OSC (ended by BEL or ST), and two-byte escapes.
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;

export const stripAnsi = (text: string): string => text.replace(ESCAPES, '');

/** The last `count` lines as a reader of a terminal sees them: no escapes, and after a carriage return the line starts again. */
export function lastLines(text: string, count: number): readonly string[] {
  const lines = stripAnsi(text).replace(/\r+\n/g, '\n').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.slice(-count).map((line) => {
    const redrawn = line.split('\r');
    return redrawn.findLast((piece) => piece !== '') ?? '';
  });
}

export interface Span { readonly text: string; readonly color?: number; readonly bold?: boolean }

/** Text with the 16 colours and bold of SGR; other attributes are dropped. Used for tracebacks. */
export function ansiSpans(text: string): readonly Span[] {
  const spans: Span[] = [];
  let color: number | undefined;
  let bold = false;
  let at = 0;
  const add = (piece: string): void => {
    if (piece !== '') spans.push({ text: piece, ...(color === undefined ? {} : { color }), ...(bold ? { bold } : {}) });
  };
  for (const match of text.matchAll(ESCAPES)) {
    add(text.slice(at, match.index));
    at = match.index + match[0].length;
    const sgr = /^\u001b\[([\d;]*)m$/.exec(match[0]);
    if (sgr === null) continue;
    const codes = (sgr[1] ?? '').split(';').map(Number);
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i] as number;
      if (code === 0) { color = undefined; bold = false; }
      else if (code === 1) bold = true;
      else if (code === 22) bold = false;
      else if (code >= 30 && code <= 37) color = code - 30;
      else if (code >= 90 && code <= 97) color = code - 90 + 8;
      else if (code === 39) color = undefined;
      else if (code === 38 || code === 48) {
        const indexed = codes[i + 1] === 5 ? codes[i + 2] : undefined;
        if (code === 38) color = indexed !== undefined && indexed < 16 ? indexed : undefined;
        i += codes[i + 1] === 5 ? 2 : 4;
      }
    }
  }
  add(text.slice(at));
  return spans;
}
