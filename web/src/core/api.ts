// The HTTP interface of docs/PROTOCOL.md, sections 6 and 7, typed. Knows the network only through `Fetch`.

import { decodeFiles, decodeLastSequence, decodeSent, decodeSnapshot, decodeStatus, decodeThread, decodeThreads, decodeUploaded, ProtocolError } from './decode';
import type { ExecuteMode, FileEntry, ServerStatus, Thread, ThreadSnapshot } from './protocol';

export interface HttpAnswer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}
export interface HttpRequest {
  readonly method: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}
export type Fetch = (url: string, request: HttpRequest) => Promise<HttpAnswer>;

export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP's status; 0: no answer came. */
  readonly status: number;
  readonly code: string;
  /** Seconds, where the server named them. */
  readonly retryAfter: number | undefined;

  constructor(status: number, code: string, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

const segment = encodeURIComponent;

export class Api {
  readonly #fetch: Fetch;

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  async status(): Promise<ServerStatus> { return decodeStatus(await this.#json('GET', '/api/status')); }
  async threads(): Promise<readonly Thread[]> { return decodeThreads(await this.#json('GET', '/api/threads')); }
  async createThread(title?: string): Promise<Thread> {
    return decodeThread(await this.#json('POST', '/api/threads', title === undefined ? {} : { title }));
  }
  async thread(id: string): Promise<ThreadSnapshot> { return decodeSnapshot(await this.#json('GET', `/api/threads/${segment(id)}`)); }
  async rename(id: string, title: string): Promise<Thread> {
    return decodeThread(await this.#json('PATCH', `/api/threads/${segment(id)}`, { title }));
  }
  async deleteThread(id: string): Promise<void> { await this.#json('DELETE', `/api/threads/${segment(id)}`); }
  async send(id: string, text: string, files: readonly string[], execute: ExecuteMode): Promise<{ readonly messageId: string; readonly runId: string }> {
    return decodeSent(await this.#json('POST', `/api/threads/${segment(id)}/messages`, { text, execute, ...(files.length === 0 ? {} : { files }) }));
  }
  async cancelRun(id: string, run: string): Promise<void> { await this.#json('POST', `/api/threads/${segment(id)}/runs/${segment(run)}/cancel`, {}); }
  async cancelExecution(id: string): Promise<void> { await this.#json('POST', `/executions/${segment(id)}/cancel`, {}); }
  /** The last sequence of an execution's log. */
  async lastSequence(executionId: string): Promise<number> { return decodeLastSequence(await this.#json('GET', `/executions/${segment(executionId)}`)); }
  async files(id: string, path: string): Promise<{ readonly path: string; readonly entries: readonly FileEntry[] }> {
    return decodeFiles(await this.#json('GET', `/api/threads/${segment(id)}/files?path=${segment(path)}`));
  }
  /** `body`: bytes as the platform's `fetch` takes them. */
  async upload(id: string, name: string, body: unknown): Promise<{ readonly path: string; readonly size: number }> {
    const url = `/api/threads/${segment(id)}/files?name=${segment(name)}`;
    return decodeUploaded(await this.#send(url, { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body }));
  }

  eventsUrl(id: string, after: number): string { return `/api/threads/${segment(id)}/events?after=${after}`; }
  contentUrl(id: string, path: string): string { return `/api/threads/${segment(id)}/files/content?path=${segment(path)}`; }
  outputUrl(executionId: string): string { return `/executions/${segment(executionId)}/output`; }

  #json(method: string, url: string, body?: object): Promise<unknown> {
    return this.#send(url, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  }

  async #send(url: string, request: HttpRequest): Promise<unknown> {
    let answer: HttpAnswer;
    let text: string;
    try {
      answer = await this.#fetch(url, request);
      text = await answer.text();
    } catch {
      throw new ApiError(0, 'unreachable', 'The server does not answer. Check that Athenic is still running, then try again.');
    }
    const json = parse(text);
    if (!answer.ok) {
      const error = json as { error?: unknown; code?: unknown } | undefined;
      const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
      throw new ApiError(
        answer.status,
        typeof error?.code === 'string' ? error.code : 'unknown',
        typeof error?.error === 'string' && error.error !== '' ? error.error : `The server refused this with status ${answer.status}.`,
        Number.isFinite(seconds) ? seconds : undefined,
      );
    }
    if (text !== '' && json === undefined) throw new ProtocolError(`${url}: the answer is not JSON`);
    return json;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
