import { useCallback, useSyncExternalStore } from 'react';
import type { Run } from '../../core/protocol';
import { useAthenic } from '../context';

/** The run that is going on in the shown thread. */
export function useSessionRun(): Run | undefined {
  const { session } = useAthenic();
  const subscribe = useCallback((listener: () => void) => session?.subscribe(listener) ?? (() => undefined), [session]);
  return useSyncExternalStore(subscribe, () => session?.state?.run);
}
