import { describe, expect, it } from 'vitest';
import { ChatFeed, type EventSourceLike } from '../src/core/feed';

class Source implements EventSourceLike {
  onopen: EventSourceLike['onopen'] = null;
  onmessage: EventSourceLike['onmessage'] = null;
  onerror: EventSourceLike['onerror'] = null;
  closed = false;
  readonly url: string;
  constructor(url: string) { this.url = url; }
  close(): void { this.closed = true; }
}

describe('ChatFeed', () => {
  const open = (): { feed: ChatFeed; sources: Source[]; seen: string[]; tick: () => void } => {
    const sources: Source[] = [];
    const seen: string[] = [];
    let timer: (() => void) | undefined;
    const clock = { now: () => 5, after: (_: number, run: () => void) => { timer = run; return { cancel: () => { timer = undefined; } }; } };
    const feed = new ChatFeed((after) => `/events?after=${after}`, 7, (url) => {
      const source = new Source(url);
      sources.push(source);
      return source;
    }, clock, (event) => seen.push(event.type), () => undefined);
    feed.start();
    return { feed, sources, seen, tick: () => timer?.() };
  };

  it('resumes after the last event and skips what it has seen', () => {
    const { feed, sources, seen, tick } = open();
    expect(sources[0]?.url).toBe('/events?after=7');
    sources[0]?.onmessage?.({ data: '{"type":"files"}', lastEventId: '6' });
    sources[0]?.onmessage?.({ data: '{"type":"files"}', lastEventId: '8' });
    sources[0]?.onmessage?.({ data: 'broken', lastEventId: '9' });
    sources[0]?.onerror?.();
    expect(feed.lostSince).toBe(5);
    tick();
    expect(sources[1]?.url).toBe('/events?after=9');
    sources[1]?.onopen?.();
    expect(feed.lostSince).toBeUndefined();
    expect(seen).toEqual(['files']);
  });

  it('takes everything anew when the server no longer has what came after', () => {
    const { sources, seen, tick } = open();
    for (let i = 0; i < 2; i++) sources[0]?.onmessage?.({ data: '{"type":"files"}', lastEventId: '' });
    sources[0]?.onmessage?.({ data: '{"type":"files"}', lastEventId: '3' });
    sources[0]?.onmessage?.({ data: '{"type":"files"}', lastEventId: '4' });
    expect(seen).toHaveLength(4);
    sources[0]?.onerror?.();
    tick();
    expect(sources[1]?.url).toBe('/events?after=4');
  });

  it('pauses without forgetting where it was', () => {
    const { feed, sources } = open();
    sources[0]?.onmessage?.({ data: '{"type":"files"}', lastEventId: '8' });
    feed.pause();
    expect(sources[0]?.closed).toBe(true);
    feed.resume();
    expect(sources[1]?.url).toBe('/events?after=8');
    feed.close();
    feed.resume();
    expect(sources).toHaveLength(2);
  });
});
