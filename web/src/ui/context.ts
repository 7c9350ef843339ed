import { createContext, useContext, useEffect, useState } from 'react';
import type { Athenic } from '../app/athenic';

export const AthenicContext = createContext<Athenic | undefined>(undefined);

export function useAthenic(): Athenic {
  const athenic = useContext(AthenicContext);
  if (athenic === undefined) throw new Error('rendered outside of the page');
  return athenic;
}

/** The time, again every `millis` while `active`. */
export function useNow(active: boolean, millis: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!active) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), millis);
    return () => clearInterval(timer);
  }, [active, millis]);
  return now;
}
