// Follows the events of one thread over SSE, resumes after the last event, backs off. Own reconnection instead of EventSource's: it
// knows the last event across page states and gives up never, but says since when the connection is lost.

import { decodeEvent } from './decode';
import type { ChatEvent } from './protocol';
import type { Clock } from './stream';

export interface EventSourceLike {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown; readonly lastEventId: string }) => void) | null;
  onerror: (() => void) | null;
  close(): void;
}

const FIRST_DELAY = 250;
const LONGEST_DELAY = 5000;

export class ChatFeed {
  readonly #url: (after: number) => string;
  readonly #open: (url: string) => EventSourceLike;
  readonly #clock: Clock;
  readonly #received: (event: ChatEvent) => void;
  readonly #changed: () => void;
  #last: number;
  /** The id that the connection gave last; a message without one repeats it. */
  #lastId = '';
  #whole = false;
  #source: EventSourceLike | undefined;
  #timer: { cancel(): void } | undefined;
  #failures = 0;
  #lostSince: number | undefined;
  #closed = false;

  constructor(
    url: (after: number) => string, after: number, open: (url: string) => EventSourceLike, clock: Clock,
    received: (event: ChatEvent) => void, changed: () => void,
  ) {
    this.#url = url;
    this.#last = after;
    this.#open = open;
    this.#clock = clock;
    this.#received = received;
    this.#changed = changed;
  }

  get lostSince(): number | undefined { return this.#lostSince; }
  get failures(): number { return this.#failures; }

  start(): void {
    this.#connect();
  }

  retryNow(): void {
    if (this.#lostSince !== undefined && this.#timer !== undefined) this.#connect();
  }

  /** Frees the connection while nobody looks (a browser has six for a host); `resume` goes on where it stopped. */
  pause(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#release();
  }

  resume(): void {
    if (!this.#closed && this.#source === undefined && this.#timer === undefined) this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.pause();
  }

  #release(): void {
    const source = this.#source;
    this.#source = undefined;
    if (source === undefined) return;
    source.onopen = source.onmessage = source.onerror = null;
    source.close();
  }

  #connect(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#release();
    if (this.#closed) return;
    const source = this.#open(this.#url(this.#last));
    this.#lastId = '';
    this.#whole = false;
    this.#source = source;
    source.onopen = () => {
      this.#failures = 0;
      this.#lostSince = undefined;
      this.#changed();
    };
    source.onmessage = (event) => this.#receive(event.data, event.lastEventId);
    source.onerror = () => {
      this.#release();
      this.#lostSince ??= this.#clock.now();
      const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(this.#failures, 10));
      this.#failures++;
      this.#timer = this.#clock.after(delay, () => this.#connect());
      this.#changed();
    };
  }

  #receive(data: unknown, lastEventId: string): void {
    if (lastEventId === this.#lastId) {
      // Without a number of its own: the server no longer has what came after ours and sends everything as it is now. The last of
      // these has the number from which it goes on, which may be a lower one.
      this.#whole = true;
    } else {
      const id = Number(lastEventId);
      if (!Number.isSafeInteger(id) || (id <= this.#last && !this.#whole)) return;
      this.#lastId = lastEventId;
      this.#last = id;
      this.#whole = false;
    }
    let event: ChatEvent | undefined;
    try {
      event = decodeEvent(JSON.parse(String(data)));
    } catch {
      // One event that cannot be read must not end the thread.
    }
    if (event !== undefined) this.#received(event);
  }
}
