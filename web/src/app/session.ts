import { ApiError, type Api } from '../core/api';
import { applyEvent, executions, fromSnapshot, type ChatState, type ExecutionRef } from '../core/chat';
import { ChatFeed } from '../core/feed';
import type { ExecuteMode, Thread } from '../core/protocol';
import { Observable } from './observable';
import { clock, openEvents } from './ports';

/** A message on its way: shown at once, replaced by the server's when that arrives. */
export interface Pending {
  readonly key: number;
  readonly text: string;
  readonly files: readonly string[];
  readonly execute: ExecuteMode;
  readonly error?: string;
  readonly messageId?: string;
}

export type Loading = 'loading' | 'ready' | 'missing' | 'failed';

/** One thread: its snapshot, the events after it, and what is being sent. */
export class ThreadSession extends Observable {
  readonly id: string;
  readonly #api: Api;
  readonly #threadChanged: (thread: Thread) => void;
  #feed: ChatFeed | undefined;
  #state: ChatState | undefined;
  #executions: readonly ExecutionRef[] = [];
  #loading: Loading = 'loading';
  #error = '';
  #pending: readonly Pending[] = [];
  #nextKey = 1;
  #closed = false;

  constructor(id: string, api: Api, threadChanged: (thread: Thread) => void) {
    super();
    this.id = id;
    this.#api = api;
    this.#threadChanged = threadChanged;
  }

  get state(): ChatState | undefined { return this.#state; }
  get executions(): readonly ExecutionRef[] { return this.#executions; }
  get loading(): Loading { return this.#loading; }
  get error(): string { return this.#error; }
  get pending(): readonly Pending[] { return this.#pending; }
  get lostSince(): number | undefined { return this.#feed?.lostSince; }

  async load(): Promise<void> {
    this.#loading = this.#state === undefined ? 'loading' : 'ready';
    this.changed();
    try {
      const snapshot = await this.#api.thread(this.id);
      if (this.#closed) return;
      this.#setState(fromSnapshot(snapshot, (this.#state?.filesVersion ?? 0) + 1));
      this.#loading = 'ready';
      this.#follow(snapshot.lastEvent);
    } catch (error) {
      if (this.#closed) return;
      // What is shown stays; the feed goes on trying.
      this.#loading = error instanceof ApiError && error.status === 404 ? 'missing' : this.#state === undefined ? 'failed' : 'ready';
      this.#error = error instanceof Error ? error.message : String(error);
    }
    this.changed();
  }

  #follow(after: number): void {
    this.#feed?.close();
    this.#feed = new ChatFeed(
      (last) => this.#api.eventsUrl(this.id, last), after, openEvents, clock,
      (event) => {
        if (this.#state === undefined) return;
        this.#setState(applyEvent(this.#state, event));
        if (event.type === 'thread') this.#threadChanged(event.thread);
        this.changed();
      },
      () => {
        // SSE does not say why it failed: after a while, find out whether the thread is still there.
        if (this.#feed?.failures === 4) void this.load();
        this.changed();
      },
    );
    this.#feed.start();
  }

  #setState(state: ChatState): void {
    const before = this.#state;
    this.#state = state;
    if (before?.messages !== state.messages) {
      this.#executions = executions(state);
      this.#pending = this.#pending.filter((pending) => !state.messages.some((message) => message.id === pending.messageId));
    }
  }

  async send(text: string, files: readonly string[], execute: ExecuteMode): Promise<void> {
    const key = this.#nextKey++;
    this.#pending = [...this.#pending, { key, text, files, execute }];
    await this.#deliver(key);
  }

  async retry(key: number): Promise<void> {
    this.#pending = this.#pending.map(({ error: _error, ...pending }) => pending.key === key ? pending : { ...pending, ...(_error === undefined ? {} : { error: _error }) });
    await this.#deliver(key);
  }

  discard(key: number): void {
    this.#pending = this.#pending.filter((pending) => pending.key !== key);
    this.changed();
  }

  async #deliver(key: number): Promise<void> {
    this.changed();
    const pending = this.#pending.find((item) => item.key === key);
    if (pending === undefined) return;
    try {
      const { messageId } = await this.#api.send(this.id, pending.text, pending.files, pending.execute);
      const arrived = this.#state?.messages.some((message) => message.id === messageId) === true;
      this.#pending = arrived ? this.#pending.filter((item) => item.key !== key)
        : this.#pending.map((item) => item.key === key ? { ...item, messageId } : item);
      if (this.#feed?.lostSince !== undefined) this.#feed.retryNow();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#pending = this.#pending.map((item) => item.key === key ? { ...item, error: message } : item);
    }
    this.changed();
  }

  pause(): void { this.#feed?.pause(); }

  wake(): void {
    this.#feed?.resume();
    this.#feed?.retryNow();
    if (this.#loading === 'failed') void this.load();
  }

  close(): void {
    this.#closed = true;
    this.#feed?.close();
  }
}
