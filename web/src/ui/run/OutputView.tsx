import { ArrowDown } from 'lucide-react';
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { FollowedExecution } from '../../app/follower';
import { useObservable } from '../../app/observable';
import type { ExecutionRef } from '../../core/chat';
import { plural } from '../../core/format';
import { isFinal } from '../../core/protocol';
import { useAthenic } from '../context';
import { FailureView } from '../result/FailureView';
import { ResultView } from '../result/ResultView';
import { openTerminal, type TerminalView } from './terminal';

/** Above the text; the cursor's empty line is the space below. */
const PADDING = 16;

/** What the program printed, and below it what it made: as in a notebook. */
export default function OutputView({ execution, followed }: { readonly execution: ExecutionRef; readonly followed: FollowedExecution }): ReactElement {
  const athenic = useAthenic();
  const { layout } = useObservable(athenic);
  useObservable(layout);
  const host = useRef<HTMLDivElement>(null);
  const terminal = useRef<TerminalView>(undefined);
  const [atEnd, setAtEnd] = useState(true);
  const [filled, setFilled] = useState(0);
  const [skipped, setSkipped] = useState(false);
  const { stream } = followed;
  const { state, output } = stream;
  const final = isFinal(state.status);
  const dark = layout.dark;

  useEffect(() => {
    if (host.current === null) return undefined;
    const view = openTerminal(host.current, output, layout.dark, { atEnd: setAtEnd, filled: setFilled, skipped: () => setSkipped(true) });
    terminal.current = view;
    const unsubscribe = followed.subscribe(() => view.pump());
    return () => {
      unsubscribe();
      view.dispose();
      terminal.current = undefined;
    };
  }, [followed, output, layout]);
  const shownDark = useRef(dark);
  useEffect(() => {
    if (shownDark.current !== dark) terminal.current?.setDark(dark);
    shownDark.current = dark;
  }, [dark]);
  useEffect(() => { if (final) terminal.current?.finish(); }, [final]);

  const below = state.results.length > 0 || state.failure !== undefined || state.status === 'timeout' || (state.status === 'error');
  const silent = output.total === 0;
  const height = below ? { height: silent ? 0 : filled + PADDING } : {};
  return (
    <div className="output">
      {(skipped || stream.skipped || output.missing > 0) && (
        <p className="output-strip" data-testid="output-strip">
          {stream.skipped ? 'It prints faster than can be read here' : `${plural(output.lines, 'line')} so far`}: the beginning and the end are shown.{' '}
          <a className="link" href={athenic.api.outputUrl(execution.part.executionId)} target="_blank" rel="noopener">Open the whole output</a>
        </p>
      )}
      <div className={below ? 'terminal-frame terminal-short' : 'terminal-frame'} style={height} tabIndex={silent ? -1 : 0} role="group" aria-label="Output as it looks in a terminal"
        onKeyDown={(event) => { if (terminal.current?.key(event.key) === true) event.preventDefault(); }}>
        <div className="terminal-host" ref={host} aria-hidden />
        {silent && !below && <p className="output-empty hint">{final ? 'It printed nothing.' : state.lastSequence === 0 ? 'Connecting' : 'Waiting for the first output'}</p>}
        {!atEnd && (
          <button type="button" className="pill" onClick={() => terminal.current?.scrollToEnd()} data-testid="new-output"><ArrowDown size={14} aria-hidden />New output</button>
        )}
      </div>
      {below && (
        <div className="output-results">
          {state.results.map((result, at) => <ResultView key={at} result={result} number={at + 1} />)}
          <FailureView state={state} />
        </div>
      )}
    </div>
  );
}
