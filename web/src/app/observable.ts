import { useCallback, useSyncExternalStore } from 'react';

/** Something that changes and says so. Many changes within one frame are told once. */
export class Observable {
  #version = 0;
  #told = true;
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly version = (): number => this.#version;

  protected changed(): void {
    if (!this.#told) return;
    this.#told = false;
    const tell = (): void => {
      if (this.#told) return;
      this.#told = true;
      this.#version++;
      for (const listener of [...this.#listeners]) listener();
    };
    // A hidden page gets no frames, but must go on (its title, its end).
    requestAnimationFrame(tell);
    setTimeout(tell, 60);
  }
}

export function useObservable<T extends Observable>(observable: T): T {
  useSyncExternalStore(observable.subscribe, observable.version);
  return observable;
}

export function useMaybeObservable<T extends Observable>(observable: T | undefined): T | undefined {
  const subscribe = useCallback((listener: () => void) => observable?.subscribe(listener) ?? (() => undefined), [observable]);
  useSyncExternalStore(subscribe, () => observable?.version() ?? 0);
  return observable;
}
