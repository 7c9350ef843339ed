import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { Terminal, type ITheme } from '@xterm/xterm';
import { count } from '../../core/format';
import type { OutputLog, Piece } from '../../core/output';

/** Lines that the terminal keeps for scrolling back. */
export const SCROLLBACK = 10_000;
/** Shown of an output that is longer: its beginning and its end. */
const HEAD_LINES = 1000;
const TAIL_LINES = 8000;
/** Output that has more lines fills its part of the pane in any case. */
const MEASURED_LINES = 200;
/** Characters handed over at once, and the time that painting may take of a frame. */
const SLICE = 32 * 1024;
const BUDGET = 12;

const LIGHT: ITheme = {
  background: '#f3f1eb', foreground: '#26241f', cursor: '#f3f1eb', cursorAccent: '#f3f1eb', selectionBackground: '#d5d9bd',
  black: '#26241f', red: '#a33a25', green: '#4f6420', yellow: '#855708', blue: '#2a5a8f', magenta: '#7d3f78', cyan: '#1f6a68', white: '#6b675f',
  brightBlack: '#6b675f', brightRed: '#b4452f', brightGreen: '#5b6b2e', brightYellow: '#8f6112', brightBlue: '#2f64a0', brightMagenta: '#8d4888', brightCyan: '#25716f', brightWhite: '#26241f',
};
const DARK: ITheme = {
  background: '#23221e', foreground: '#e9e6dd', cursor: '#23221e', cursorAccent: '#23221e', selectionBackground: '#4a4f33',
  black: '#8b867a', red: '#f0917c', green: '#b1c47a', yellow: '#e0b265', blue: '#8fbbea', magenta: '#d6a0d0', cyan: '#86c9c4', white: '#e9e6dd',
  brightBlack: '#a8a397', brightRed: '#f5a795', brightGreen: '#c3d38f', brightYellow: '#ebc684', brightBlue: '#aacdf2', brightMagenta: '#e3b8de', brightCyan: '#a2dad6', brightWhite: '#ffffff',
};
const STDERR = { light: '\u001b[38;2;143;60;40m', dark: '\u001b[38;2;236;165;148m' };

export interface TerminalView {
  /** There is more output to paint. */
  pump(): void;
  /** The execution is over: when the middle was skipped the beginning is put back. */
  finish(): void;
  scrollToEnd(): void;
  /** False: the key does not scroll. */
  key(name: string): boolean;
  /** The next match of `text` (the one before with `back`); empty: no more matches are marked. */
  find(text: string, back: boolean): void;
  setDark(dark: boolean): void;
  dispose(): void;
}

interface Events {
  /** The end of the output is (not) in sight. */
  readonly atEnd: (at: boolean) => void;
  /** Height in pixels that the output fills so far. */
  readonly filled: (height: number) => void;
  readonly skipped: () => void;
  /** The match that is shown, counted from 1, and how many there are. */
  readonly found: (at: number, of: number) => void;
}

export function openTerminal(host: HTMLElement, output: OutputLog, dark: boolean, events: Events): TerminalView {
  const terminal = new Terminal({
    convertEol: true, disableStdin: true, cursorBlink: false, cursorInactiveStyle: 'none', allowProposedApi: true, scrollback: SCROLLBACK, fontSize: 13, lineHeight: 1.18,
    fontFamily: '"JetBrains Mono Variable", ui-monospace, monospace', theme: dark ? DARK : LIGHT, minimumContrastRatio: 4.5,
    linkHandler: { activate: (_event, uri) => { if (/^https?:/i.test(uri)) window.open(uri, '_blank', 'noopener,noreferrer'); } },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  const search = new SearchAddon();
  terminal.loadAddon(search);
  terminal.open(host);
  // Reading is all one does here: tabbing goes past it, the text is in the log beside it.
  terminal.textarea?.setAttribute('tabindex', '-1');
  terminal.textarea?.setAttribute('aria-hidden', 'true');
  terminal.attachCustomKeyEventHandler((event) => !(event.type === 'keydown' && event.key.length === 1));

  let offset = 0;
  let writing = false;
  let frame = 0;
  let disposed = false;
  let skippedSome = false;
  let atEnd = true;
  let stderr = dark ? STDERR.dark : STDERR.light;

  const resize = (): void => {
    if (host.clientHeight > 0 && host.clientWidth > 0) fit.fit();
  };
  const observer = new ResizeObserver(resize);
  observer.observe(host);
  resize();

  // Asking for a height makes the browser lay out the page, and scrolling is told line by line: both once a frame.
  let lookFrame = 0;
  let filled = -1;
  const lookNow = (): void => {
    lookFrame = 0;
    if (disposed) return;
    const { viewportY, baseY, cursorY } = terminal.buffer.active;
    const now = viewportY >= baseY;
    if (now !== atEnd) { atEnd = now; events.atEnd(now); }
    const lines = Math.min(baseY + cursorY + 1, MEASURED_LINES);
    if (lines === filled) return;
    filled = lines;
    events.filled(Math.ceil(lines * (terminal.element?.querySelector('.xterm-screen')?.clientHeight ?? 0) / terminal.rows));
  };
  const look = (): void => {
    if (lookFrame === 0) lookFrame = requestAnimationFrame(lookNow);
  };
  const scrolled = terminal.onScroll(look);
  search.onDidChangeResults(({ resultIndex, resultCount }) => events.found(resultIndex + 1, resultCount));

  // A program that colours its own errors keeps its colours.
  const encode = (pieces: readonly Piece[]): string => pieces
    .map(({ kind, text }) => kind === 'stderr' && !text.includes('\u001b') ? `${stderr}${text}\u001b[39m` : text).join('');
  const hole = (what: string): string => `\u001b[0m\r\n\u001b[2m··· ${what} ···\u001b[0m\r\n`;

  const take = (): string => {
    const { pieces, next, skipped } = output.read(offset, SLICE);
    offset = next;
    if (skipped > 0 && !skippedSome) { skippedSome = true; events.skipped(); }
    return (skipped > 0 ? hole(`${count(skipped)} characters came faster than they can be shown`) : '') + encode(pieces);
  };

  const pump = (): void => {
    if (writing || disposed || offset >= output.total) return;
    writing = true;
    const started = performance.now();
    const step = (): void => {
      if (disposed) return;
      const text = take();
      terminal.write(text, () => {
        look();
        if (offset >= output.total) writing = false;
        else if (performance.now() - started < BUDGET) step();
        else frame = schedule(() => { writing = false; pump(); });
      });
    };
    step();
  };

  /** From the beginning: all of it where it fits, else its beginning and its end. */
  const redraw = (): void => {
    terminal.reset();
    offset = 0;
    const excerpt = output.excerpt(HEAD_LINES, TAIL_LINES);
    if (excerpt === undefined) { pump(); return; }
    offset = output.total;
    skippedSome = true;
    events.skipped();
    writing = true;
    terminal.write(encode(excerpt.head));
    terminal.write(hole(`${count(excerpt.skippedLines)} lines are not shown here`));
    terminal.write(encode(excerpt.tail), () => { writing = false; terminal.scrollToBottom(); look(); pump(); });
  };
  redraw();

  return {
    pump,
    finish() {
      if (disposed) return;
      if (writing || offset < output.total) { pump(); frame = schedule(() => this.finish()); return; }
      if (atEnd && (skippedSome || output.lines > SCROLLBACK)) redraw();
    },
    scrollToEnd() { terminal.scrollToBottom(); look(); },
    key(name) {
      switch (name) {
        case 'ArrowUp': terminal.scrollLines(-1); break;
        case 'ArrowDown': terminal.scrollLines(1); break;
        case 'PageUp': terminal.scrollPages(-1); break;
        case 'PageDown': terminal.scrollPages(1); break;
        case 'Home': terminal.scrollToTop(); break;
        case 'End': terminal.scrollToBottom(); break;
        default: return false;
      }
      look();
      return true;
    },
    find(text, back) {
      if (text === '') { search.clearDecorations(); terminal.clearSelection(); events.found(0, 0); return; }
      const options = { decorations: { matchOverviewRuler: '#85570880', activeMatchColorOverviewRuler: '#a33a25', matchBackground: dark ? '#4b3f22' : '#f2dfb0', activeMatchBackground: dark ? '#7a5c17' : '#e5bd5a' } };
      if (back) search.findPrevious(text, options);
      else search.findNext(text, options);
      look();
    },
    setDark(next) {
      terminal.options.theme = next ? DARK : LIGHT;
      stderr = next ? STDERR.dark : STDERR.light;
      if (!writing) redraw();
    },
    dispose() {
      disposed = true;
      cancelAnimationFrame(frame);
      cancelAnimationFrame(lookFrame);
      observer.disconnect();
      scrolled.dispose();
      terminal.dispose();
    },
  };
}

const schedule = (run: () => void): number => requestAnimationFrame(run);
