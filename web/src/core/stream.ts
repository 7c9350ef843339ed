// Follows one execution over a WebSocket until its end: opens, resumes after the last sequence it has seen, backs off, and says
// what the connection is doing. Knows sockets and timers only through the ports below.

import { decodeExecutionMessage } from './decode';
import { applyMessage, EMPTY_EXECUTION, order, type ExecutionState } from './execution';
import { DEFAULT_BOUNDS, OutputLog } from './output';
import { isFinal, type ExecutionMessage, type ExecutionStatus } from './protocol';

export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export interface Clock {
  now(): number;
  after(millis: number, run: () => void): { cancel(): void };
}

/** `elsewhere`: another page follows with the same client id. `gone`: the server does not know the execution (any more). */
export type Connection = 'connecting' | 'open' | 'lost' | 'elsewhere' | 'gone' | 'closed';

export interface StreamTarget {
  readonly executionId: string;
  readonly clientId: string;
  /** Tried in turn, each without the query. */
  readonly urls: readonly string[];
  /** What the chat says about it: a finished execution that cannot be found is gone, not late. */
  readonly status: ExecutionStatus;
}

export const CLOSE_TAKEN_OVER = 4409;
const CLOSE_POLICY = 1008;
const CLOSE_NOT_FOUND = 4404;
const FIRST_DELAY = 250;
const LONGEST_DELAY = 5000;
/** An execution that cannot be found is asked for this often before it counts as gone. */
const ATTEMPTS = 4;
/** A stream this far behind the program, */
const LAG = 3000;
/** with so many messages to come, goes on so many before the end: the beginning and the end are what is shown anyway. */
const WORTH_SKIPPING = 300;
const KEPT_BEFORE_END = 40;
const ASK_EVERY = 2000;
/** Silence of this long while running makes sure that the connection lives. */
const PING_EVERY = 20_000;

export class ExecutionStream {
  readonly output = new OutputLog();
  readonly #target: StreamTarget;
  readonly #open: (url: string) => Socket;
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #newest: () => Promise<number>;
  #state: ExecutionState = EMPTY_EXECUTION;
  #connection: Connection = 'connecting';
  #lostSince: number | undefined;
  #clockOffset = 0;
  #socket: Socket | undefined;
  #timer: { cancel(): void } | undefined;
  #failures = 0;
  #heard = false;
  #complaint = '';
  #asked = false;
  #skipped = false;
  #asking = false;
  #askAgainAt = 0;

  /** `newest`: the last sequence that the server has, asked for when the stream lags behind. */
  constructor(target: StreamTarget, open: (url: string) => Socket, clock: Clock, newest: () => Promise<number>, changed: () => void) {
    this.#target = target;
    this.#open = open;
    this.#clock = clock;
    this.#newest = newest;
    this.#changed = changed;
  }

  get state(): ExecutionState { return this.#state; }
  get connection(): Connection { return this.#connection; }
  /** By our clock; undefined while the connection stands. */
  get lostSince(): number | undefined { return this.#lostSince; }
  /** Add to our clock to get the server's. */
  get clockOffset(): number { return this.#clockOffset; }
  /** What the server said about a request it could not serve. */
  get complaint(): string { return this.#complaint; }
  /** Output was left out because it came faster than this page could take it. */
  get skipped(): boolean { return this.#skipped; }

  start(): void {
    if (this.#connection === 'closed') return;
    this.#connect();
  }

  /** After `elsewhere`: this page follows again. */
  resume(): void {
    if (this.#connection !== 'elsewhere' && this.#connection !== 'gone') return;
    this.#failures = 0;
    this.#connect();
  }

  /** Tries at once instead of after the pause, for when the network has come back. */
  retryNow(): void {
    if (this.#connection !== 'lost' || this.#socket !== undefined) return;
    this.#connect();
  }

  /** False: no connection to say it over. */
  cancel(): boolean {
    if (this.#connection !== 'open' || this.#socket === undefined) return false;
    this.#asked = true;
    this.#socket.send(JSON.stringify({ type: 'cancel', executionId: this.#target.executionId }));
    return true;
  }

  close(): void {
    this.#connection = 'closed';
    this.#drop();
  }

  #drop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #connect(): void {
    this.#drop();
    if (this.#connection !== 'lost') this.#connection = 'connecting';
    const base = this.#target.urls[this.#failures % this.#target.urls.length] ?? '';
    const query = `clientId=${encodeURIComponent(this.#target.clientId)}&executionId=${encodeURIComponent(this.#target.executionId)}&after=${this.#state.lastSequence}`;
    let socket: Socket;
    try {
      socket = this.#open(`${base}${base.includes('?') ? '&' : '?'}${query}`);
    } catch {
      this.#retry();
      return;
    }
    this.#socket = socket;
    this.#heard = false;
    this.#asked = false;
    socket.onopen = () => {
      this.#connection = 'open';
      this.#lostSince = undefined;
      this.#keepAlive(socket);
      this.#changed();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#closed(event.code);
    this.#changed();
  }

  #receive(data: unknown): void {
    let message: ExecutionMessage;
    try {
      message = decodeExecutionMessage(JSON.parse(String(data)));
    } catch {
      // A message that cannot be read must not end the stream: the next one shows the gap, and it is asked for again.
      return;
    }
    if (message.executionId !== undefined && message.executionId !== this.#target.executionId) return;
    if (message.type === 'connected' && message.timestamp !== undefined) this.#clockOffset = message.timestamp - this.#clock.now();
    if (message.type === 'error' && message.sequence === undefined) {
      this.#complaint = message.error;
      // Said before anything of the log: the server does not know the execution. It may just be about to.
      if (!this.#heard && !this.#asked) this.#unknown();
      this.#changed();
      return;
    }
    switch (order(this.#state, message)) {
      case 'duplicate': return;
      case 'gap':
        this.#drop();
        this.#retry();
        return;
      case 'next': break;
    }
    if (message.sequence !== undefined) {
      this.#heard = true;
      this.#failures = 0;
    }
    if (message.type === 'stdout' || message.type === 'stderr') this.output.append(message.type, message.data);
    this.#state = applyMessage(this.#state, message);
    if (message.type === 'status' && isFinal(message.status)) this.close();
    else this.#keepUp(message.timestamp);
    this.#changed();
  }

  /** The program may print faster than this page reads: then what lies between is left to the download. */
  #keepUp(timestamp: number | undefined): void {
    const now = this.#clock.now();
    if (timestamp === undefined || this.#asking || now < this.#askAgainAt || now + this.#clockOffset - timestamp < LAG) return;
    if (this.output.total < DEFAULT_BOUNDS.head) return;
    this.#askAgainAt = now + ASK_EVERY;
    this.#asking = true;
    this.#newest().then((last) => this.#skipTo(last), () => undefined).finally(() => { this.#asking = false; });
  }

  #skipTo(last: number): void {
    if (this.#connection !== 'open' || last - this.#state.lastSequence < WORTH_SKIPPING) return;
    this.#skipped = true;
    this.#state = { ...this.#state, lastSequence: last - KEPT_BEFORE_END, status: 'running' };
    this.#connect();
  }

  #unknown(): void {
    this.#drop();
    if (isFinal(this.#target.status) || this.#failures >= ATTEMPTS) this.#connection = 'gone';
    else this.#retry();
  }

  #closed(code: number): void {
    this.#socket = undefined;
    this.#timer?.cancel();
    if (code === CLOSE_TAKEN_OVER) this.#connection = 'elsewhere';
    else if (code === CLOSE_POLICY || code === CLOSE_NOT_FOUND) this.#connection = 'gone';
    else if (isFinal(this.#target.status) && !this.#heard && this.#failures >= ATTEMPTS) this.#connection = 'gone';
    else {
      this.#retry();
      return;
    }
    this.#changed();
  }

  #retry(): void {
    this.#connection = 'lost';
    this.#lostSince ??= this.#clock.now();
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delay, () => this.#connect());
    this.#changed();
  }

  #keepAlive(socket: Socket): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(PING_EVERY, () => {
      if (this.#socket !== socket) return;
      socket.send('{"type":"ping"}');
      this.#keepAlive(socket);
    });
  }
}

/**
 * Where to connect to. The server names its own address as it knows it (`ws://localhost:4000`), the page may have come by another
 * name: a loopback address is of use only to a page that came over loopback itself, and the page's own origin always serves too.
 */
export function streamUrls(advertised: string, pageOrigin: string): readonly string[] {
  const own = `${pageOrigin.replace(/^http/, 'ws')}/`;
  const parts = /^(wss?):\/\/(\[[^\]]+\]|[^/:?#]+)(:\d+)?([^?#]*)/.exec(advertised);
  if (parts === null) return [own];
  const [, scheme, host, port = '', path] = parts as unknown as [string, string, string, string | undefined, string];
  const page = /^https?:\/\/(\[[^\]]+\]|[^/:?#]+)(:\d+)?/.exec(pageOrigin);
  const pagePort = page?.[2] ?? '';
  const secure = pageOrigin.startsWith('https:');
  if (loopback(host) && (!loopback(page?.[1] ?? '') || port === pagePort)) return [own];
  // A page that came over TLS may not open a plain socket.
  if (secure && scheme === 'ws') return [own];
  const named = `${scheme}://${host}${port}${path === '' ? '/' : path}`;
  return named === own ? [own] : [named, own];
}

const loopback = (host: string): boolean => host === 'localhost' || host === '[::1]' || /^127\./.test(host);
