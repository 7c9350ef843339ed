// The state of one execution, from the messages of its stream. What it prints goes to an OutputLog beside it: status, results and
// errors are applied at once and so overtake output that still waits to be painted.

import { isFinal, never, type ExecutionMessage, type ExecutionStatus, type Result } from './protocol';

export interface ExecutionFailure {
  readonly text: string;
  readonly name?: string;
  readonly value?: string;
  readonly traceback?: string;
}

export interface ExecutionState {
  readonly status: ExecutionStatus;
  readonly statusText: string;
  readonly sandboxId: string | undefined;
  /** Server's clock, milliseconds; undefined until the first message. */
  readonly firstAt: number | undefined;
  readonly runningAt: number | undefined;
  readonly endedAt: number | undefined;
  /** Milliseconds as the server measured them. */
  readonly duration: number | undefined;
  readonly results: readonly Result[];
  readonly failure: ExecutionFailure | undefined;
  /** The last sequence that was seen: a new connection asks for what comes after it. */
  readonly lastSequence: number;
  /** What the server no longer keeps. */
  readonly lost: readonly string[];
}

export const EMPTY_EXECUTION: ExecutionState = {
  status: 'starting', statusText: '', sandboxId: undefined, firstAt: undefined, runningAt: undefined, endedAt: undefined,
  duration: undefined, results: [], failure: undefined, lastSequence: 0, lost: [],
};

/** `gap`: messages between the last one and this one are missing; nothing was applied, the stream must be opened again. */
export type Order = 'next' | 'duplicate' | 'gap';

export function order(state: ExecutionState, message: ExecutionMessage): Order {
  const sequence = message.sequence;
  if (sequence === undefined) return 'next';
  if (message.type === 'truncated') return message.to <= state.lastSequence ? 'duplicate' : 'next';
  if (sequence <= state.lastSequence) return 'duplicate';
  return sequence === state.lastSequence + 1 ? 'next' : 'gap';
}

/** Applies a message whose order is `next`. Output only advances the sequence here. */
export function applyMessage(state: ExecutionState, message: ExecutionMessage): ExecutionState {
  const at = message.timestamp;
  const next: ExecutionState = message.sequence === undefined ? state : {
    ...state, lastSequence: Math.max(state.lastSequence, message.sequence), firstAt: state.firstAt ?? at,
  };
  switch (message.type) {
    case 'connected':
    case 'pong':
    case 'ignored':
    case 'stdout':
    case 'stderr':
      return next;
    case 'status': {
      const final = isFinal(message.status);
      return {
        ...next,
        status: message.status,
        statusText: message.message,
        sandboxId: message.sandboxId ?? next.sandboxId,
        runningAt: message.status === 'running' ? (next.runningAt ?? at) : next.runningAt,
        endedAt: final ? (at ?? next.endedAt) : next.endedAt,
        duration: message.duration ?? next.duration,
      };
    }
    case 'result': return { ...next, results: [...next.results, message.result] };
    // It repeats all results: of use where some were skipped, and with an old server that sends them only here.
    case 'summary': return { ...next, results: next.results.length < message.results.length ? message.results : next.results, duration: message.duration ?? next.duration };
    case 'error': return {
      ...next,
      failure: {
        text: message.error,
        ...(message.name === undefined ? {} : { name: message.name }),
        ...(message.value === undefined ? {} : { value: message.value }),
        ...(message.traceback === undefined ? {} : { traceback: message.traceback }),
      },
    };
    case 'truncated': return { ...next, lastSequence: Math.max(next.lastSequence, message.to), lost: [...next.lost, message.message] };
    default: return never(message);
  }
}
