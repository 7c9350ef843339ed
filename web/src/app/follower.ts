import type { Api } from '../core/api';
import type { ExecutionRef } from '../core/chat';
import { ExecutionStream, streamUrls } from '../core/stream';
import { Observable } from './observable';
import { clock, openSocket } from './ports';

const TAKE_BACK_AFTER = 1500;

/** One execution as the run side shows it. */
export class FollowedExecution extends Observable {
  readonly stream: ExecutionStream;
  readonly executionId: string;
  /** By our clock: when Stop was pressed. */
  stoppingSince: number | undefined;
  #tookBack = false;

  constructor(ref: ExecutionRef, api: Api) {
    super();
    this.executionId = ref.part.executionId;
    this.stream = new ExecutionStream(
      { executionId: ref.part.executionId, clientId: ref.part.clientId, status: ref.part.status, urls: streamUrls(ref.webSocketUrl, location.origin) },
      openSocket, clock, () => api.lastSequence(ref.part.executionId), () => this.changed(),
    );
  }

  /** The execution is over, and another page had the connection: it needs it no more, this one wants the rest. */
  takeBack(): void {
    if (this.#tookBack || this.stream.connection !== 'elsewhere') return;
    this.#tookBack = true;
    clock.after(TAKE_BACK_AFTER, () => this.stream.resume());
  }

  stopping(since: number | undefined): void {
    this.stoppingSince = since;
    this.changed();
  }
}

/** How many executions are kept when one looks at another: each holds up to about 1.2 million characters. */
const KEPT = 6;

/** The executions that were looked at; only the shown one and those still running hold a connection. */
export class Follower {
  readonly #api: Api;
  readonly #known = new Map<string, FollowedExecution>();

  constructor(api: Api) {
    this.#api = api;
  }

  follow(ref: ExecutionRef): FollowedExecution {
    const known = this.#known.get(ref.part.executionId);
    if (known !== undefined) {
      this.#known.delete(ref.part.executionId);
      this.#known.set(ref.part.executionId, known);
      return known;
    }
    const followed = new FollowedExecution(ref, this.#api);
    this.#known.set(ref.part.executionId, followed);
    for (const [id, oldest] of this.#known) {
      if (this.#known.size <= KEPT) break;
      oldest.stream.close();
      this.#known.delete(id);
    }
    followed.stream.start();
    return followed;
  }

  peek(executionId: string): FollowedExecution | undefined {
    return this.#known.get(executionId);
  }

  /** The page is looked at again, or the network is back. */
  wake(): void {
    for (const { stream } of this.#known.values()) {
      if (stream.connection === 'elsewhere') stream.resume();
      stream.retryNow();
    }
  }

  close(): void {
    for (const { stream } of this.#known.values()) stream.close();
    this.#known.clear();
  }
}
