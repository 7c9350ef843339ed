import { X } from 'lucide-react';
import type { ReactElement } from 'react';
import { ansiSpans } from '../../core/ansi';
import type { ExecutionState } from '../../core/execution';
import { explain } from '../../core/failures';
import { useCopy } from '../copy';

/** The cause first, what to do, and the traceback for who wants it. */
export function FailureView({ state }: { readonly state: ExecutionState }): ReactElement | null {
  const explained = explain(state.status, state.statusText, state.failure);
  const { copied, copy } = useCopy();
  if (explained === undefined || state.status === 'cancelled') return null;
  const traceback = state.failure?.traceback ?? '';
  return (
    <div className="failure" role="alert" data-testid="run-error">
      <p className="failure-title"><X size={16} aria-hidden /><span>{explained.title}</span></p>
      {explained.line !== undefined && <p className="failure-line">Line {explained.line} of the code.</p>}
      {explained.advice !== '' && <p>{explained.advice}</p>}
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
