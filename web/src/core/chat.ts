// The state of one thread: a snapshot, and the events after it. Pure: every function returns a new state.

import { isRunOver, never, type ChatEvent, type ExecutionPart, type Message, type Part, type Run, type Thread, type ThreadSnapshot } from './protocol';

export interface ExecutionRef {
  readonly messageId: string;
  readonly part: ExecutionPart;
  /** Empty: the page's own origin serves it. */
  readonly webSocketUrl: string;
}

export interface ChatState {
  readonly thread: Thread;
  readonly messages: readonly Message[];
  /** The run that is going on. */
  readonly run: Run | undefined;
  /** Grows when the sandbox's files changed. */
  readonly filesVersion: number;
}

export function fromSnapshot(snapshot: ThreadSnapshot, filesVersion = 0): ChatState {
  const run = snapshot.activeRun;
  return {
    thread: snapshot.thread,
    messages: snapshot.messages,
    run: run === undefined || isRunOver(run.status) ? undefined : run,
    filesVersion,
  };
}

/** Applies an event; that none comes twice is the feed's care. */
export function applyEvent(state: ChatState, event: ChatEvent): ChatState {
  switch (event.type) {
    case 'thread': return { ...state, thread: event.thread };
    case 'message': return { ...state, messages: upsert(state.messages, event.message) };
    case 'delta': return { ...state, messages: change(state.messages, event.messageId, (message) => withDelta(message, event.part, event.text)) };
    case 'run': return { ...state, run: isRunOver(event.run.status) ? undefined : event.run };
    case 'execution': return {
      ...state,
      messages: change(state.messages, event.messageId, (message) => ({
        ...message,
        ...(event.webSocketUrl === '' ? {} : { webSocketUrl: event.webSocketUrl }),
        parts: withExecution(message.parts, event.part),
      })),
    };
    case 'files': return { ...state, filesVersion: state.filesVersion + 1 };
    default: return never(event);
  }
}

function upsert(messages: readonly Message[], message: Message): readonly Message[] {
  const at = messages.findIndex((known) => known.id === message.id);
  return at < 0 ? [...messages, message] : messages.with(at, message);
}

function change(messages: readonly Message[], id: string, update: (message: Message) => Message): readonly Message[] {
  const at = messages.findIndex((message) => message.id === id);
  const message = messages[at];
  return message === undefined ? messages : messages.with(at, update(message));
}

function withDelta(message: Message, index: number, text: string): Message {
  const parts: Part[] = [...message.parts];
  while (parts.length < index) parts.push({ type: 'unknown' });
  const part = parts[index];
  if (part === undefined || part.type === 'unknown') parts[index] = { type: 'text', text };
  else if (part.type === 'text') parts[index] = { type: 'text', text: part.text + text };
  return { ...message, parts };
}

/** The event at the end of an execution replaces the part of its start; what it leaves out stays. */
function withExecution(parts: readonly Part[], part: ExecutionPart): readonly Part[] {
  const at = parts.findIndex((known) => known.type === 'execution' && known.executionId === part.executionId);
  const known = parts[at];
  if (known === undefined || known.type !== 'execution') return [...parts, part];
  return parts.with(at, {
    ...known, ...part, code: part.code === '' ? known.code : part.code, reason: part.reason === '' ? known.reason : part.reason,
  });
}

/** Every execution of the thread, oldest first. */
export function executions(state: ChatState): readonly ExecutionRef[] {
  return state.messages.flatMap((message) =>
    message.parts.filter((part) => part.type === 'execution')
      .map((part) => ({ messageId: message.id, part, webSocketUrl: message.webSocketUrl ?? '' })));
}
