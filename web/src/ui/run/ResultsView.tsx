import type { ReactElement } from 'react';
import type { ExecutionState } from '../../core/execution';
import { isFinal } from '../../core/protocol';
import { FailureView } from '../result/FailureView';
import { ResultView } from '../result/ResultView';

export function ResultsView({ state, gone }: { readonly state: ExecutionState; readonly gone: boolean }): ReactElement {
  return (
    <div className="results">
      {state.results.length === 0 && state.failure === undefined && (
        <p className="hint">{gone ? 'Its results are no longer kept.' : isFinal(state.status) ? 'It made no results. The value of the last line, plots and everything given to display() appear here.' : 'Results appear here as they are made.'}</p>
      )}
      {state.results.map((result, at) => <ResultView key={at} result={result} number={at + 1} />)}
      <FailureView state={state} />
    </div>
  );
}
