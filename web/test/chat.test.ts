import { describe, expect, it } from 'vitest';
import { applyEvent, executions, fromSnapshot, type ChatState } from '../src/core/chat';
import { decodeEvent, decodeSnapshot, ProtocolError } from '../src/core/decode';

const thread = { id: 't1', title: 'A', createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z' };
const message = { id: 'm1', threadId: 't1', role: 'assistant', createdAt: '2026-01-01T00:00:00Z', status: 'running', parts: [] };
const start = (more: object = {}): ChatState => fromSnapshot(decodeSnapshot({ ...thread, messages: [message], lastEvent: 10, ...more }));
const after = (state: ChatState, ...events: object[]): ChatState =>
  events.reduce((current: ChatState, json) => {
    const event = decodeEvent({ threadId: 't1', at: '', ...json });
    return event === undefined ? current : applyEvent(current, event);
  }, state);

describe('the state of a thread', () => {
  it('starts with a snapshot', () => {
    const state = start({ activeRun: { runId: 'r1', status: 'running' } });
    expect(state.thread).toEqual({ id: 't1', title: 'A', createdAt: 1767225600000, updatedAt: 1767225600000 });
    expect(state.run).toEqual({ runId: 'r1', status: 'running' });
    expect(start({ activeRun: 'r2' }).run?.runId).toBe('r2');
    expect(start({ activeRun: null }).run).toBeUndefined();
  });

  it('joins deltas to their part, whichever comes first', () => {
    const state = after(start(),
      { type: 'delta', messageId: 'm1', part: 1, text: 'Hel' },
      { type: 'delta', messageId: 'm1', part: 1, text: 'lo' },
      { type: 'delta', messageId: 'unknown', part: 0, text: 'x' });
    expect(state.messages[0]?.parts).toEqual([{ type: 'unknown' }, { type: 'text', text: 'Hello' }]);
  });

  it('replaces a message as a whole and adds a new one at the end', () => {
    const state = after(start(),
      { type: 'message', message: { ...message, status: 'complete', parts: [{ type: 'text', text: 'x' }] } },
      { type: 'message', message: { ...message, id: 'm2', role: 'user' } });
    expect(state.messages.map(({ id, status }) => [id, status])).toEqual([['m1', 'complete'], ['m2', 'running']]);
  });

  it('shows an execution from its start to its end as one', () => {
    const execution = { type: 'execution', messageId: 'm1', executionId: 'e1', clientId: 'c1', e2bWebSocketUrl: 'ws://x', language: 'python', code: '1', status: 'starting', reason: 'because' };
    const state = after(start(), execution, { ...execution, status: 'completed', code: undefined, reason: undefined });
    expect(executions(state)).toEqual([{
      messageId: 'm1', webSocketUrl: 'ws://x',
      part: { type: 'execution', executionId: 'e1', clientId: 'c1', language: 'python', code: '1', status: 'completed', reason: 'because' },
    }]);
  });

  it('knows when a run is over, and when files changed', () => {
    const running = after(start(), { type: 'run', runId: 'r1', messageId: 'm1', status: 'deciding' });
    expect(running.run?.status).toBe('deciding');
    const over = after(running, { type: 'run', runId: 'r1', messageId: 'm1', status: 'complete' }, { type: 'files' });
    expect(over.run).toBeUndefined();
    expect(over.filesVersion).toBe(running.filesVersion + 1);
  });

  it('ignores events of a newer server', () => {
    expect(decodeEvent({ type: 'novelty' })).toBeUndefined();
  });

  it('says which field is wrong', () => {
    expect(() => decodeSnapshot({ title: 'x' })).toThrow(new ProtocolError('id: text was expected'));
    expect(() => decodeEvent({ type: 'message', message: 5 })).toThrow('message: an object was expected');
  });
});
