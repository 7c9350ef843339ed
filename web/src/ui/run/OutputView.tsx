import { ArrowDown, ChevronDown, ChevronUp, Search, X } from 'lucide-react';
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { FollowedExecution } from '../../app/follower';
import { useObservable } from '../../app/observable';
import type { ExecutionRef } from '../../core/chat';
import { plural } from '../../core/format';
import { isFinal } from '../../core/protocol';
import { useAthenic } from '../context';
import { FailureView } from '../result/FailureView';
import { IconButton } from '../IconButton';
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
  const [searching, setSearching] = useState(false);
  const [found, setFound] = useState({ at: 0, of: 0 });
  const { stream } = followed;
  const { state, output } = stream;
  const final = isFinal(state.status);
  const dark = layout.dark;

  useEffect(() => {
    if (host.current === null) return undefined;
    const view = openTerminal(host.current, output, layout.dark, {
      atEnd: setAtEnd, filled: setFilled, skipped: () => setSkipped(true), found: (at, of) => setFound({ at, of }),
    });
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
          {stream.skipped ? 'It prints faster than can be read here' : `${plural(output.lines, 'line')} ${final ? 'in all' : 'so far'}`}: the beginning and the end are shown.{' '}
          <a className="link" href={athenic.api.outputUrl(execution.part.executionId)} target="_blank" rel="noopener">Open the whole output</a>
        </p>
      )}
      <div className={below ? 'terminal-frame terminal-short' : 'terminal-frame'} style={height} tabIndex={silent ? -1 : 0} role="group" aria-label="Output as it looks in a terminal"
        onKeyDown={(event) => {
          if ((event.ctrlKey || event.metaKey) && event.key === 'f') { event.preventDefault(); setSearching(true); }
          else if (event.target === event.currentTarget && terminal.current?.key(event.key) === true) event.preventDefault();
        }}>
        {searching
          ? <Find found={found} onFind={(text, back) => terminal.current?.find(text, back)} onClose={() => setSearching(false)} />
          : !silent && <div className="find-open"><IconButton icon={Search} label="Search the output" shortcut="Ctrl F" onClick={() => setSearching(true)} /></div>}
        <div className="terminal-host" ref={host} aria-hidden />
        {silent && !below && <p className="output-empty hint">{stream.connection === 'gone' ? 'Its output is no longer kept.' : final ? 'It printed nothing.' : state.lastSequence === 0 ? 'Connecting' : 'Waiting for the first output'}</p>}
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

interface FindProps { readonly found: { readonly at: number; readonly of: number }; readonly onFind: (text: string, back: boolean) => void; readonly onClose: () => void }

function Find({ found, onFind, onClose }: FindProps): ReactElement {
  const [text, setText] = useState('');
  const close = (): void => { onFind('', false); onClose(); };
  return (
    <div className="find" role="search">
      <input type="text" autoFocus placeholder="Search" aria-label="Search the output" value={text} data-testid="output-search"
        onChange={(event) => { setText(event.target.value); onFind(event.target.value, false); }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') { event.preventDefault(); onFind(text, event.shiftKey); }
          if (event.key === 'Escape') close();
        }} />
      <span className="muted" role="status">{text === '' ? '' : found.of === 0 ? 'none' : `${found.at} of ${found.of}`}</span>
      <IconButton icon={ChevronUp} label="Before" shortcut="Shift Enter" onClick={() => onFind(text, true)} />
      <IconButton icon={ChevronDown} label="Next" shortcut="Enter" onClick={() => onFind(text, false)} />
      <IconButton icon={X} label="Close" shortcut="Esc" onClick={close} />
    </div>
  );
}
