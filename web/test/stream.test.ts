import { describe, expect, it } from 'vitest';
import { CLOSE_TAKEN_OVER, ExecutionStream, streamUrls, type Clock, type Socket } from '../src/core/stream';
import type { ExecutionStatus } from '../src/core/protocol';

/** Time that goes on when the test says so. */
class ManualClock implements Clock {
  time = 1000;
  timers: { at: number; run: () => void }[] = [];
  now(): number { return this.time; }
  after(millis: number, run: () => void): { cancel(): void } {
    const timer = { at: this.time + millis, run };
    this.timers.push(timer);
    return { cancel: () => { this.timers = this.timers.filter((known) => known !== timer); } };
  }
  advance(millis: number): void {
    this.time += millis;
    for (const timer of this.timers.filter(({ at }) => at <= this.time)) {
      this.timers = this.timers.filter((known) => known !== timer);
      timer.run();
    }
  }
}

class Line implements Socket {
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  sent: string[] = [];
  closed = false;
  readonly url: string;
  constructor(url: string) { this.url = url; }
  send(text: string): void { this.sent.push(text); }
  close(): void { this.closed = true; }
  says(message: object): void { this.onmessage?.({ data: JSON.stringify(message) }); }
  prints(sequence: number, data: string): void { this.says({ type: 'stdout', sequence, data, executionId: 'e1' }); }
  breaks(code = 1006): void { this.onclose?.({ code, reason: '' }); }
}

function open(status: ExecutionStatus = 'starting', urls: readonly string[] = ['ws://host/'], newest = { last: 0 }): { stream: ExecutionStream; lines: Line[]; clock: ManualClock; last: () => Line } {
  const lines: Line[] = [];
  const clock = new ManualClock();
  const stream = new ExecutionStream({ executionId: 'e1', clientId: 'c 1', urls, status }, (url) => {
    const line = new Line(url);
    lines.push(line);
    return line;
  }, clock, () => Promise.resolve(newest.last), () => undefined);
  stream.start();
  const last = (): Line => lines.at(-1) as Line;
  last().onopen?.();
  return { stream, lines, clock, last };
}

describe('ExecutionStream', () => {
  it('asks for the whole log of its execution first', () => {
    expect(open().last().url).toBe('ws://host/?clientId=c%201&executionId=e1&after=0');
  });

  it('follows to the end and closes', () => {
    const { stream, last } = open();
    last().says({ type: 'status', status: 'connected', clientId: 'c 1', id: 'x', message: 'hi', timestamp: '1970-01-01T00:00:05Z' });
    last().says({ type: 'status', sequence: 1, status: 'running', message: 'Running', timestamp: '1970-01-01T00:00:06Z' });
    last().prints(2, 'hello\n');
    last().says({ type: 'result', sequence: 3, data: { is_main_result: true, text: '42', png: null } });
    last().says({ type: 'result', sequence: 4, duration: 7, data: { message: 'ok', duration: 7, results: [{ text: '42' }] } });
    last().says({ type: 'status', sequence: 5, status: 'completed', message: 'Done', duration: 7, timestamp: '1970-01-01T00:00:07Z' });
    expect(stream.clockOffset).toBe(4000);
    expect(stream.output.text()).toBe('hello\n');
    expect(stream.state).toMatchObject({ status: 'completed', duration: 7, lastSequence: 5, runningAt: 6000, endedAt: 7000 });
    expect(stream.state.results).toEqual([{ isMain: true, formats: { text: '42' } }]);
    expect(stream.connection).toBe('closed');
    expect(last().closed).toBe(true);
  });

  it('resumes after the last sequence, and shows nothing twice', () => {
    const { stream, lines, clock, last } = open();
    last().prints(1, 'a');
    last().prints(2, 'b');
    last().breaks();
    expect(stream.connection).toBe('lost');
    expect(stream.lostSince).toBe(1000);
    clock.advance(300);
    expect(lines).toHaveLength(2);
    expect(last().url).toContain('after=2');
    last().onopen?.();
    last().prints(2, 'b');
    last().prints(3, 'c');
    expect(stream.output.text()).toBe('abc');
    expect(stream.lostSince).toBeUndefined();
  });

  it('asks again when something between is missing', () => {
    const { stream, clock, last } = open();
    last().prints(1, 'a');
    const first = last();
    first.prints(3, 'c');
    expect(stream.output.text()).toBe('a');
    expect(first.closed).toBe(true);
    clock.advance(300);
    expect(last().url).toContain('after=1');
  });

  it('goes past what the server no longer keeps, and says so', () => {
    const { stream, last } = open();
    last().says({ type: 'truncated', sequence: 1, from: 1, to: 90, message: 'Output was dropped' });
    last().prints(91, 'tail');
    expect(stream.output.text()).toBe('tail');
    expect(stream.state.lost).toEqual(['Output was dropped']);
    expect(stream.state.lastSequence).toBe(91);
  });

  it('backs off up to five seconds and never gives up on a running execution', () => {
    const { stream, lines, clock, last } = open();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      last().breaks();
      const before = lines.length;
      let waited = 0;
      while (lines.length === before) { clock.advance(250); waited += 250; }
      pauses.push(waited);
    }
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
    expect(stream.connection).toBe('lost');
  });

  it('does not fight another page for the connection, but takes it back when asked', () => {
    const { stream, lines, clock, last } = open();
    last().prints(1, 'a');
    last().breaks(CLOSE_TAKEN_OVER);
    clock.advance(60_000);
    expect(stream.connection).toBe('elsewhere');
    expect(lines).toHaveLength(1);
    stream.resume();
    expect(last().url).toContain('after=1');
  });

  it('finds out that a finished execution is not kept any more', () => {
    const { stream, clock, last } = open('completed');
    for (let attempt = 0; attempt < 5; attempt++) { last().breaks(); clock.advance(5000); }
    expect(stream.connection).toBe('gone');
  });

  it('tries the other address when one does not answer', () => {
    const { clock, last } = open('starting', ['ws://a/', 'ws://b/']);
    expect(last().url).toContain('ws://a/');
    last().breaks();
    clock.advance(300);
    expect(last().url).toContain('ws://b/');
  });

  it('survives messages that it cannot read or does not know', () => {
    const { stream, last } = open();
    last().onmessage?.({ data: 'not JSON' });
    last().says({ type: 'novelty', sequence: 1 });
    last().says({ type: 'stdout', sequence: 1, data: 'other', executionId: 'e2' });
    last().prints(2, 'b');
    expect(stream.output.text()).toBe('b');
  });

  it('keeps a silent connection alive, and cancels over it', () => {
    const { stream, clock, last } = open();
    clock.advance(20_000);
    expect(last().sent).toEqual(['{"type":"ping"}']);
    expect(stream.cancel()).toBe(true);
    expect(last().sent.at(-1)).toBe('{"type":"cancel","executionId":"e1"}');
    last().breaks();
    expect(stream.cancel()).toBe(false);
  });

  it('goes on near the end when it falls far behind', async () => {
    const { stream, lines, clock, last } = open('running', ['ws://host/'], { last: 5000 });
    const line = (sequence: number, millis: number): object => ({ type: 'stdout', sequence, data: 'x'.repeat(60_000), executionId: 'e1', timestamp: new Date(millis).toISOString() });
    clock.time = 10_000;
    last().says(line(1, 9500));
    last().says(line(2, 9600));
    last().says(line(3, 9700));
    await Promise.resolve();
    expect(lines).toHaveLength(1);
    last().says(line(4, 5000));
    await new Promise((done) => setTimeout(done));
    expect(last().url).toContain('after=4960');
    expect(stream.skipped).toBe(true);
    last().onopen?.();
    last().says({ type: 'stdout', sequence: 4961, data: 'end', executionId: 'e1' });
    expect(stream.output.end(3)).toBe('end');
  });

  it('keeps what an error without a sequence says', () => {
    const { stream, last } = open();
    last().prints(1, 'a');
    last().says({ type: 'error', error: 'nothing to cancel' });
    expect(stream.complaint).toBe('nothing to cancel');
    expect(stream.connection).toBe('open');
    expect(stream.state.failure).toBeUndefined();
  });

  it('asks a few times for a new execution that the server does not know, and once for an old one', () => {
    const fresh = open('starting');
    for (let attempt = 0; attempt < 4; attempt++) {
      fresh.last().says({ type: 'error', error: 'no such execution' });
      expect(fresh.stream.connection).toBe('lost');
      fresh.clock.advance(5000);
      fresh.last().onopen?.();
    }
    fresh.last().says({ type: 'error', error: 'no such execution' });
    expect(fresh.stream.connection).toBe('gone');
    const old = open('completed');
    old.last().says({ type: 'error', error: 'no such execution' });
    expect(old.stream.connection).toBe('gone');
  });
});

describe('streamUrls', () => {
  it('takes the page’s own address for a loopback service of the same port', () => {
    expect(streamUrls('ws://localhost:4000', 'http://127.0.0.1:4000')).toEqual(['ws://127.0.0.1:4000/']);
    expect(streamUrls('', 'https://chat.example')).toEqual(['wss://chat.example/']);
  });
  it('takes the page’s own address when the named one is a loopback of another machine', () => {
    expect(streamUrls('ws://localhost:4000', 'http://10.0.0.5:8080')).toEqual(['ws://10.0.0.5:8080/']);
  });
  it('takes a named service first, its own address second', () => {
    expect(streamUrls('wss://exec.example/stream?clientId=x', 'https://chat.example')).toEqual(['wss://exec.example/stream', 'wss://chat.example/']);
    expect(streamUrls('ws://localhost:4000', 'http://localhost:4171')).toEqual(['ws://localhost:4000/', 'ws://localhost:4171/']);
  });
  it('opens no plain socket from a page that came over TLS', () => {
    expect(streamUrls('ws://exec.example', 'https://chat.example')).toEqual(['wss://chat.example/']);
  });
});
