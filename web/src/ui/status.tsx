import { Ban, Check, CircleDot, Clock, Hourglass, Loader, X, type LucideIcon } from 'lucide-react';
import type { ReactElement } from 'react';
import type { ExecutionStatus } from '../core/protocol';

interface Look { readonly word: string; readonly icon: LucideIcon; readonly tone: string }

/** Each status by a word, an icon and a colour: never by colour alone. */
export const EXECUTION_LOOK: Readonly<Record<ExecutionStatus, Look>> = {
  queued: { word: 'Queued', icon: Hourglass, tone: 'stopped' },
  starting: { word: 'Starting', icon: Loader, tone: 'running' },
  running: { word: 'Running', icon: CircleDot, tone: 'running' },
  completed: { word: 'Done', icon: Check, tone: 'done' },
  error: { word: 'Failed', icon: X, tone: 'failed' },
  cancelled: { word: 'Stopped', icon: Ban, tone: 'stopped' },
  timeout: { word: 'Timed out', icon: Clock, tone: 'failed' },
};

export function StatusMark({ status }: { readonly status: ExecutionStatus }): ReactElement {
  const { icon: Icon, tone } = EXECUTION_LOOK[status];
  return <Icon className={`status-icon tone-${tone} status-${status}`} size={14} strokeWidth={2} aria-hidden />;
}
