import { Check, Copy, Download, PanelRightClose, Pencil, RotateCw, Square } from 'lucide-react';
import type { ReactElement } from 'react';
import type { FollowedExecution } from '../../app/follower';
import { useObservable } from '../../app/observable';
import type { ExecutionRef } from '../../core/chat';
import type { ExecutionState } from '../../core/execution';
import { stripAnsi } from '../../core/ansi';
import { capital, clock, duration, plural, sentence } from '../../core/format';
import { isFinal, type ExecutionStatus } from '../../core/protocol';
import { LANGUAGE } from '../chat/ExecutionCard';
import { useSessionRun } from '../chat/useSessionRun';
import { useAthenic, useNow } from '../context';
import { useCopy } from '../copy';
import { IconButton } from '../IconButton';
import { EXECUTION_LOOK, StatusMark } from '../status';

interface Props { readonly execution: ExecutionRef; readonly followed: FollowedExecution; readonly onEdit: () => void }

export function RunHeader({ execution: { part }, followed, onEdit }: Props): ReactElement {
  const athenic = useObservable(useAthenic());
  const run = useSessionRun();
  const { copied, copy } = useCopy();
  const { stream } = followed;
  const { state } = stream;
  // The end is told by the chat, too, and overtakes output that is still on its way here.
  const status = isFinal(part.status) || state.lastSequence === 0 ? part.status : state.status;
  const final = isFinal(status);
  const look = EXECUTION_LOOK[status];
  const sandboxId = state.sandboxId ?? part.sandboxId;
  return (
    <header className="run-head">
      <div className="run-line-1">
        <h2 className="run-status" data-testid="run-status" data-status={status}>
          <StatusMark status={status} /><span className={`tone-${look.tone}`}>{look.word}</span>
        </h2>
        {final && !isFinal(state.status) && state.lastSequence > 0 && stream.connection !== 'gone' ? <span className="timer">reading the rest</span> : <Timer state={state} status={status} offset={stream.clockOffset} />}
        <span className="visually-hidden" role="status">
          {`Execution: ${look.word}`}{final && isFinal(state.status) ? `, ${plural(stream.output.lines, 'line')} of output, ${plural(state.results.length, 'result')}` : ''}
        </span>
        <span className="spacer" />
        {!final && (
          <button type="button" className="button button-stop" onClick={() => void athenic.stopExecution(followed)} disabled={followed.stoppingSince !== undefined}
            title="Interrupt the program; if it goes on, end it (Ctrl .)" data-testid="run-stop">
            <Square size={12} fill="currentColor" aria-hidden /><Stopping since={followed.stoppingSince} />
          </button>
        )}
        {final && (
          <button type="button" className="button" disabled={run !== undefined} onClick={() => void athenic.run(part.language, part.code)} data-testid="run-again">
            <RotateCw size={14} strokeWidth={1.75} aria-hidden />Run again
          </button>
        )}
        <IconButton icon={Pencil} label="Edit and run" onClick={onEdit} testId="run-edit" />
        <IconButton icon={copied ? Check : Copy} label={copied ? 'Copied' : 'Copy the output'} onClick={() => copy(stripAnsi(stream.output.text()))} testId="run-copy" />
        <a className="icon-button" href={athenic.api.outputUrl(part.executionId)} download={`output-${part.executionId}.txt`} aria-label="Download the whole output" title="Download the whole output" data-testid="run-download">
          <Download size={16} strokeWidth={1.75} aria-hidden />
        </a>
        <IconButton icon={PanelRightClose} label="Close" shortcut="Ctrl J" onClick={() => athenic.layout.closeRun()} />
      </div>
      <p className="run-line-2">
        <span>{LANGUAGE[part.language] ?? part.language}</span>
        {sandboxId !== undefined && sandboxId !== '' && <span title={`Sandbox ${sandboxId}`}>sandbox {sandboxId.slice(0, 10)}</span>}
        <Phases state={state} />
      </p>
      {part.reason !== '' && <p className="run-line-2 run-reason">{capital(part.reason)}</p>}
      {final && status === 'cancelled' && state.statusText !== '' && <p className="run-line-2 run-outcome" data-testid="run-outcome">{state.statusText}</p>}
      {stream.connection === 'elsewhere' && (
        <p className="notice notice-info">Another page follows this execution. <button type="button" className="link" onClick={() => stream.resume()}>Follow it here</button></p>
      )}
      {stream.connection === 'gone' && (
        <p className="notice notice-warning">
          The server no longer has the output of this execution{stream.output.total > 0 ? '; what had come before is shown' : ''}.{part.summary !== undefined && part.summary !== '' ? ` ${sentence(part.summary)}` : ''} <button type="button" className="link" onClick={() => stream.resume()}>Look again</button>
        </p>
      )}
      {state.lost.map((message) => <p key={message} className="notice notice-warning">{message}</p>)}
    </header>
  );
}

/** Counts by the server's clock, so that it is right after a reload, too. */
function Timer({ state, status, offset }: { readonly state: ExecutionState; readonly status: ExecutionStatus; readonly offset: number }): ReactElement | null {
  const running = !isFinal(status);
  const now = useNow(running, 100);
  if (state.firstAt === undefined) return null;
  const end = running ? now + offset : (state.endedAt ?? state.firstAt);
  return <span className="timer" role="timer" aria-live="off">{running ? clock(end - state.firstAt) : duration(state.duration ?? end - state.firstAt)}</span>;
}

/** The server interrupts the code; one that does not answer within 2 s has its context restarted, and if that fails its sandbox is ended. */
function Stopping({ since }: { readonly since: number | undefined }): ReactElement {
  const now = useNow(since !== undefined, 200);
  if (since === undefined) return <>Stop</>;
  const passed = now - since;
  return <>{passed < 2000 ? 'Interrupting' : passed < 6000 ? 'Restarting' : 'Ending the sandbox'}</>;
}

function Phases({ state }: { readonly state: ExecutionState }): ReactElement | null {
  const { firstAt, runningAt, endedAt } = state;
  if (firstAt === undefined || runningAt === undefined || endedAt === undefined) return null;
  const waited = runningAt - firstAt;
  const ran = endedAt - runningAt;
  return (
    <span className="phases" title={`Sandbox ${duration(waited)}, run ${duration(ran)}`}>
      <span className="phase-bar" aria-hidden><i style={{ flexGrow: Math.max(waited, 1) }} /><b style={{ flexGrow: Math.max(ran, 1) }} /></span>
      sandbox {duration(waited)}, run {duration(ran)}
    </span>
  );
}
