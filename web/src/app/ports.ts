// The browser behind the ports of core.
import type { Fetch } from '../core/api';
import type { EventSourceLike } from '../core/feed';
import type { Clock, Socket } from '../core/stream';

export const clock: Clock = {
  now: () => Date.now(),
  after(millis, run) {
    const timer = setTimeout(run, millis);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const browserFetch: Fetch = (url, request) => fetch(url, request as RequestInit);

export function openSocket(url: string): Socket {
  const socket = new WebSocket(url);
  const port: Socket = {
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => { if (socket.readyState === WebSocket.OPEN) socket.send(text); },
    close: () => socket.close(1000),
  };
  socket.onopen = () => port.onopen?.();
  socket.onmessage = (event: MessageEvent<unknown>) => port.onmessage?.(event);
  socket.onclose = (event) => port.onclose?.(event);
  return port;
}

export function openEvents(url: string): EventSourceLike {
  const source = new EventSource(url);
  const port: EventSourceLike = { onopen: null, onmessage: null, onerror: null, close: () => source.close() };
  source.onopen = () => port.onopen?.();
  source.onmessage = (event: MessageEvent<unknown>) => port.onmessage?.(event);
  source.onerror = () => port.onerror?.();
  return port;
}

/** What the page remembers. Without storage it remembers nothing and works all the same. */
export const memory = {
  get(key: string): string | undefined {
    try {
      return localStorage.getItem(`athenic.${key}`) ?? undefined;
    } catch {
      return undefined;
    }
  },
  set(key: string, value: string | undefined): void {
    try {
      if (value === undefined) localStorage.removeItem(`athenic.${key}`);
      else localStorage.setItem(`athenic.${key}`, value);
    } catch { /* not remembered */ }
  },
};
