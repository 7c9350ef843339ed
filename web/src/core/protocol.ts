// The types of docs/PROTOCOL.md, sections 6 and 7, as the page uses them. Everything that arrives is checked in decode.ts.

export type ExecutionStatus = 'queued' | 'starting' | 'running' | 'completed' | 'error' | 'cancelled' | 'timeout';
export type RunStatus = 'deciding' | 'starting' | 'running' | 'answering' | 'complete' | 'failed' | 'cancelled';
export type MessageStatus = 'running' | 'complete' | 'failed' | 'cancelled';
export type ExecuteMode = 'auto' | 'always' | 'never';

export interface Thread {
  readonly id: string;
  readonly title: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly sandbox?: { readonly sandboxId: string; readonly state: string };
}

export interface TextPart { readonly type: 'text'; readonly text: string }
export interface NoticePart { readonly type: 'notice'; readonly level: 'info' | 'warning' | 'error'; readonly text: string }
export interface FilePart { readonly type: 'file'; readonly path: string; readonly size: number }
export interface ExecutionPart {
  readonly type: 'execution';
  readonly executionId: string;
  readonly clientId: string;
  readonly language: string;
  readonly code: string;
  readonly status: ExecutionStatus;
  readonly reason: string;
  readonly sandboxId?: string;
  readonly summary?: string;
}
/** A part of a newer server: kept, so that the indices of deltas stay right, and not shown. */
export interface UnknownPart { readonly type: 'unknown' }
export type Part = TextPart | NoticePart | FilePart | ExecutionPart | UnknownPart;

export interface Message {
  readonly id: string;
  readonly threadId: string;
  readonly role: 'user' | 'assistant';
  readonly createdAt: number;
  readonly status: MessageStatus;
  readonly parts: readonly Part[];
  /** Where the stream of this message's execution is. */
  readonly webSocketUrl?: string;
}

export interface Run {
  readonly runId: string;
  readonly messageId?: string;
  readonly status: RunStatus;
  readonly detail?: string;
}

export interface ThreadSnapshot {
  readonly thread: Thread;
  readonly messages: readonly Message[];
  readonly lastEvent: number;
  readonly activeRun?: Run;
}

export type ChatEvent =
  | { readonly type: 'thread'; readonly thread: Thread }
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'delta'; readonly messageId: string; readonly part: number; readonly text: string }
  | { readonly type: 'run'; readonly run: Run }
  | {
      readonly type: 'execution';
      readonly messageId: string;
      readonly webSocketUrl: string;
      readonly part: ExecutionPart;
    }
  | { readonly type: 'files' };

/** One rich result: the formats that came with it, in E2B's names. */
export interface Result {
  readonly isMain: boolean;
  readonly formats: Readonly<Record<string, unknown>>;
}

interface Sequenced {
  /** Dense from 1; absent in messages that are not part of the log. */
  readonly sequence?: number;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly timestamp?: number;
  readonly executionId?: string;
}
export type ExecutionMessage = Sequenced & (
  | { readonly type: 'connected' }
  | { readonly type: 'status'; readonly status: ExecutionStatus; readonly message: string; readonly sandboxId?: string; readonly duration?: number }
  | { readonly type: 'stdout' | 'stderr'; readonly data: string }
  | { readonly type: 'result'; readonly result: Result }
  | { readonly type: 'summary'; readonly results: readonly Result[]; readonly duration?: number }
  | { readonly type: 'error'; readonly error: string; readonly name?: string; readonly value?: string; readonly traceback?: string }
  | { readonly type: 'truncated'; readonly from: number; readonly to: number; readonly message: string }
  | { readonly type: 'pong' }
  /** Of a newer server: only its sequence counts. */
  | { readonly type: 'ignored' }
);

export interface FileEntry {
  readonly name: string;
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  readonly size: number;
  readonly modified?: number;
}

export interface ServerStatus {
  readonly version: string;
  readonly engine: { readonly status: string; readonly detail?: string };
  readonly model: { readonly status: string; readonly provider?: string; readonly name?: string; readonly detail?: string };
}

export const isFinal = (status: ExecutionStatus): boolean => status !== 'queued' && status !== 'starting' && status !== 'running';
export const isRunOver = (status: RunStatus): boolean =>
  status === 'complete' || status === 'failed' || status === 'cancelled';

/** Reached only when a union grew and a switch did not: the compiler says so first. */
export function never(value: never): never {
  throw new Error(`unexpected value: ${JSON.stringify(value)}`);
}
