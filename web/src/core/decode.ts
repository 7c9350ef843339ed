// Turns JSON of the server into the types of protocol.ts. A wrong shape is a ProtocolError that names the field, never an
// `undefined` somewhere in the page.

import type {
  ChatEvent, ExecutionMessage, ExecutionPart, ExecutionStatus, FileEntry, Message, MessageStatus, Part, Result, Run, RunStatus,
  ServerStatus, Thread, ThreadSnapshot,
} from './protocol';

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new ProtocolError(`${what}: an object was expected`);
}

function array(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new ProtocolError(`${what}: a list was expected`);
}

function text(json: Json, key: string, fallback?: string): string {
  const value = json[key];
  if (typeof value === 'string') return value;
  if (fallback !== undefined && (value === undefined || value === null)) return fallback;
  throw new ProtocolError(`${key}: text was expected`);
}

function integer(json: Json, key: string, fallback?: number): number {
  const value = json[key];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (fallback !== undefined) return fallback;
  throw new ProtocolError(`${key}: a number was expected`);
}

function maybeText(json: Json, key: string): string | undefined {
  const value = json[key];
  return typeof value === 'string' ? value : undefined;
}

function maybeNumber(json: Json, key: string): number | undefined {
  const value = json[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** An ISO date or milliseconds since the epoch. */
function instant(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'string') return undefined;
  const parsed = Date.parse(value);
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** Leaves out what is undefined: `exactOptionalPropertyTypes` tells an absent field from an undefined one. */
type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>;
}

function oneOf<T extends string>(value: unknown, known: readonly T[], fallback: T): T {
  return known.includes(value as T) ? (value as T) : fallback;
}

const EXECUTION_STATUSES: readonly ExecutionStatus[] = ['queued', 'starting', 'running', 'completed', 'error', 'cancelled', 'timeout'];
const RUN_STATUSES: readonly RunStatus[] = ['deciding', 'starting', 'running', 'answering', 'complete', 'failed', 'cancelled'];
const MESSAGE_STATUSES: readonly MessageStatus[] = ['running', 'complete', 'failed', 'cancelled'];

export function decodeThread(value: unknown): Thread {
  const json = object(value, 'thread');
  const createdAt = instant(json['createdAt']) ?? 0;
  const sandbox = typeof json['sandbox'] === 'object' && json['sandbox'] !== null ? object(json['sandbox'], 'sandbox') : undefined;
  return defined({
    id: text(json, 'id'),
    title: text(json, 'title', ''),
    createdAt,
    updatedAt: instant(json['updatedAt']) ?? createdAt,
    sandbox: sandbox && { sandboxId: text(sandbox, 'sandboxId', ''), state: text(sandbox, 'state', '') },
  });
}

export function decodeThreads(value: unknown): readonly Thread[] {
  return array(object(value, 'threads')['threads'], 'threads').map(decodeThread);
}

function decodeExecutionPart(json: Json): ExecutionPart {
  return {
    type: 'execution',
    ...defined({
      executionId: text(json, 'executionId'),
      clientId: text(json, 'clientId', ''),
      language: text(json, 'language', 'python'),
      code: text(json, 'code', ''),
      status: oneOf(json['status'], EXECUTION_STATUSES, 'starting'),
      reason: text(json, 'reason', ''),
      sandboxId: maybeText(json, 'sandboxId'),
      summary: maybeText(json, 'summary'),
    }),
  };
}

function decodePart(value: unknown): Part {
  const json = object(value, 'part');
  switch (json['type']) {
    case 'text': return { type: 'text', text: text(json, 'text', '') };
    case 'notice': return { type: 'notice', level: oneOf(json['level'], ['info', 'warning', 'error'], 'info'), text: text(json, 'text', '') };
    case 'file': return { type: 'file', path: text(json, 'path'), size: integer(json, 'size', 0) };
    case 'execution': return decodeExecutionPart(json);
    default: return { type: 'unknown' };
  }
}

export function decodeMessage(value: unknown): Message {
  const json = object(value, 'message');
  const data = typeof json['data'] === 'object' && json['data'] !== null ? object(json['data'], 'data') : {};
  return defined({
    id: text(json, 'id'),
    threadId: text(json, 'threadId', ''),
    role: oneOf(json['role'], ['user', 'assistant'] as const, 'assistant'),
    createdAt: instant(json['createdAt']) ?? 0,
    status: oneOf(json['status'], MESSAGE_STATUSES, 'complete'),
    parts: array(json['parts'] ?? [], 'parts').map(decodePart),
    webSocketUrl: maybeText(data, 'e2bWebSocketUrl'),
  });
}

function decodeRun(json: Json): Run {
  return defined({
    runId: text(json, 'runId', maybeText(json, 'id') ?? ''),
    messageId: maybeText(json, 'messageId'),
    status: oneOf(json['status'], RUN_STATUSES, 'running'),
    detail: maybeText(json, 'detail'),
  });
}

export function decodeSnapshot(value: unknown): ThreadSnapshot {
  const json = object(value, 'thread');
  const active = json['activeRun'];
  return defined({
    thread: decodeThread(json),
    messages: array(json['messages'] ?? [], 'messages').map(decodeMessage),
    lastEvent: integer(json, 'lastEvent', 0),
    activeRun: typeof active === 'string' ? { runId: active, status: 'running' as const }
      : typeof active === 'object' && active !== null ? decodeRun(object(active, 'activeRun')) : undefined,
  });
}

/** `undefined`: an event of a newer server, to be skipped. */
export function decodeEvent(value: unknown): ChatEvent | undefined {
  const json = object(value, 'event');
  switch (json['type']) {
    case 'thread': return { type: 'thread', thread: decodeThread(json['thread']) };
    case 'message': return { type: 'message', message: decodeMessage(json['message']) };
    case 'delta': return { type: 'delta', messageId: text(json, 'messageId'), part: integer(json, 'part', 0), text: text(json, 'text', '') };
    case 'run': return { type: 'run', run: decodeRun(json) };
    case 'execution': return {
      type: 'execution', messageId: text(json, 'messageId'), webSocketUrl: text(json, 'e2bWebSocketUrl', ''), part: decodeExecutionPart(json),
    };
    case 'files': return { type: 'files' };
    default: return undefined;
  }
}

function decodeResult(value: unknown): Result {
  const { is_main_result: main, type: _type, ...formats } = object(value, 'result');
  return { isMain: main === true, formats: Object.fromEntries(Object.entries(formats).filter(([, data]) => data !== null && data !== undefined)) };
}

function traceback(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.filter((line) => typeof line === 'string').join('\n') : undefined;
}

export function decodeExecutionMessage(value: unknown): ExecutionMessage {
  const json = object(value, 'message');
  const base = defined({
    sequence: maybeNumber(json, 'sequence'),
    timestamp: instant(json['timestamp']),
    executionId: maybeText(json, 'executionId'),
  });
  switch (json['type']) {
    case 'status':
      if (json['status'] === 'connected') return { ...base, type: 'connected' };
      return {
        ...base, type: 'status', status: oneOf(json['status'], EXECUTION_STATUSES, 'running'), message: text(json, 'message', ''),
        ...defined({ sandboxId: maybeText(json, 'sandboxId'), duration: maybeNumber(json, 'duration') }),
      };
    case 'stdout':
    case 'stderr':
      return { ...base, type: json['type'], data: text(json, 'data', '') };
    case 'result': {
      const data = object(json['data'] ?? {}, 'data');
      const results = data['results'];
      // The last result sums up: it repeats all results beside a message and the duration.
      if (Array.isArray(results) && data['is_main_result'] === undefined) {
        return {
          ...base, type: 'summary', results: results.map(decodeResult),
          ...defined({ duration: maybeNumber(json, 'duration') ?? maybeNumber(data, 'duration') }),
        };
      }
      return { ...base, type: 'result', result: decodeResult(data) };
    }
    case 'error':
      return {
        ...base, type: 'error', error: text(json, 'error', ''),
        ...defined({ name: maybeText(json, 'name'), value: maybeText(json, 'value'), traceback: traceback(json['traceback']) }),
      };
    case 'truncated':
      return { ...base, type: 'truncated', from: integer(json, 'from', 0), to: integer(json, 'to', 0), message: text(json, 'message', '') };
    case 'pong': return { ...base, type: 'pong' };
    default: return { ...base, type: 'ignored' };
  }
}

export function decodeFiles(value: unknown): { readonly path: string; readonly entries: readonly FileEntry[] } {
  const json = object(value, 'files');
  return {
    path: text(json, 'path', ''),
    entries: array(json['entries'] ?? [], 'entries').map((item) => {
      const entry = object(item, 'entry');
      return defined({
        name: text(entry, 'name'),
        path: text(entry, 'path'),
        type: oneOf(entry['type'], ['file', 'directory', 'symlink', 'other'] as const, 'other'),
        size: integer(entry, 'size', 0),
        modified: instant(entry['modified']),
      });
    }),
  };
}

export function decodeStatus(value: unknown): ServerStatus {
  const json = object(value, 'status');
  const engine = object(json['engine'] ?? {}, 'engine');
  const model = object(json['model'] ?? {}, 'model');
  return {
    version: text(json, 'version', ''),
    engine: defined({ status: text(engine, 'status', 'unknown'), detail: maybeText(engine, 'detail') }),
    model: defined({
      status: text(model, 'status', 'unknown'), provider: maybeText(model, 'provider'), name: maybeText(model, 'name'), detail: maybeText(model, 'detail'),
    }),
  };
}

export function decodeSent(value: unknown): { readonly messageId: string; readonly runId: string } {
  const json = object(value, 'answer');
  return { messageId: text(json, 'messageId'), runId: text(json, 'runId', '') };
}

export function decodeLastSequence(value: unknown): number {
  return integer(object(value, 'execution'), 'lastSequence');
}

export function decodeUploaded(value: unknown): { readonly path: string; readonly size: number } {
  const json = object(value, 'answer');
  return { path: text(json, 'path'), size: integer(json, 'size', 0) };
}
