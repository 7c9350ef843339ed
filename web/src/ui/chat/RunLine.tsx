import type { ReactElement } from 'react';
import { never, type Run, type RunStatus } from '../../core/protocol';

function words(status: RunStatus): string {
  switch (status) {
    case 'deciding': return 'Deciding whether this needs code';
    case 'starting': return 'Starting the sandbox';
    case 'running': return 'Running the code';
    case 'answering': return 'Writing the answer';
    case 'complete': return 'Done';
    case 'failed': return 'Failed';
    case 'cancelled': return 'Stopped';
    default: return never(status);
  }
}

/** What the assistant is doing right now. */
export function RunLine({ run }: { readonly run: Run }): ReactElement {
  return (
    <p className="run-line" data-testid="run-line">
      <span className="dot" />{words(run.status)}{run.detail === undefined || run.detail === '' ? '' : `: ${run.detail}`}
    </p>
  );
}
