import { Wrench, X } from 'lucide-react';
import type { ReactElement } from 'react';
import { ansiSpans } from '../../core/ansi';
import type { ExecutionState } from '../../core/execution';
import { explain, type Explained } from '../../core/failures';
import { useObservable } from '../../app/observable';
import { useSessionRun } from '../chat/useSessionRun';
import { useAthenic } from '../context';
import { useCopy } from '../copy';

/** The cause first, what to do, and the traceback for who wants it. */
export function FailureView({ state }: { readonly state: ExecutionState }): ReactElement | null {
  const explained = explain(state.status, state.statusText, state.failure);
  const { copied, copy } = useCopy();
  const athenic = useObservable(useAthenic());
  const run = useSessionRun();
  if (explained === undefined || state.status === 'cancelled') return null;
  const traceback = state.failure?.traceback ?? '';
  return (
    <div className="failure" role="alert" data-testid="run-error">
      <p className="failure-title"><X size={16} aria-hidden /><span>{explained.title}</span></p>
      {explained.line !== undefined && <p className="failure-line">Line {explained.line} of the code.</p>}
      {explained.advice !== '' && <p>{explained.advice}</p>}
      {athenic.status?.model.status === 'ready' && (
        <p><button type="button" className="button button-small" disabled={run !== undefined} onClick={() => void athenic.send(request(explained))} data-testid="run-fix"><Wrench size={14} strokeWidth={1.75} aria-hidden />Fix it</button></p>
      )}
      {traceback !== '' && (
        <details>
          <summary>Traceback</summary>
          <pre tabIndex={0}>{ansiSpans(traceback).map((span, at) => (
            <span key={at} className={`${span.color === undefined ? '' : `ansi-${span.color}`}${span.bold === true ? ' ansi-bold' : ''}`}>{span.text}</span>
          ))}</pre>
          <button type="button" className="link" onClick={() => copy(ansiSpans(traceback).map(({ text }) => text).join(''))}>{copied ? 'Copied' : 'Copy the traceback'}</button>
        </details>
      )}
    </div>
  );
}

/** What the user would write: the model has the code and the error in the thread already. */
const request = ({ title, line }: Explained): string => `The code failed: ${title}${line === undefined ? '' : ` (line ${line})`}. Fix it and run it again.`;
