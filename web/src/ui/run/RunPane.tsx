import { PanelRightClose } from 'lucide-react';
import { lazy, Suspense, useState, type KeyboardEvent, type ReactElement } from 'react';
import type { FollowedExecution } from '../../app/follower';
import type { RunTab } from '../../app/layout';
import { useObservable } from '../../app/observable';
import type { ThreadSession } from '../../app/session';
import type { ExecutionRef } from '../../core/chat';
import { count } from '../../core/format';
import { useAthenic } from '../context';
import { ErrorBoundary } from '../ErrorBoundary';
import { IconButton } from '../IconButton';
import { CodeView } from './CodeView';
import { FilesView } from './FilesView';
import { OutputText } from './OutputText';
import { ResultsView } from './ResultsView';
import { RunHeader } from './RunHeader';

/** The terminal is a third of the page's code and not needed for its first picture. */
const OutputView = lazy(() => import('./OutputView'));

export function RunPane(): ReactElement {
  const athenic = useObservable(useAthenic());
  const { session } = athenic;
  const followed = athenic.followed();
  const ref = session?.executions.find((known) => known.part.executionId === followed?.executionId);
  return (
    <section className="run" aria-label="Run" data-testid="run-pane">
      {session !== undefined && ref !== undefined && followed !== undefined
        ? <Execution key={followed.executionId} session={session} execution={ref} followed={followed} />
        : <WithoutExecution session={session} />}
    </section>
  );
}

const TABS: readonly { readonly tab: RunTab; readonly word: string }[] = [
  { tab: 'code', word: 'Code' }, { tab: 'output', word: 'Output' }, { tab: 'results', word: 'Results' }, { tab: 'files', word: 'Files' },
];

interface ExecutionProps { readonly session: ThreadSession; readonly execution: ExecutionRef; readonly followed: FollowedExecution }

function Execution({ session, execution, followed }: ExecutionProps): ReactElement {
  const { layout } = useAthenic();
  useObservable(followed);
  const [editing, setEditing] = useState(false);
  const { stream } = followed;
  const counts: Readonly<Record<RunTab, number>> = { code: 0, output: stream.output.lines, results: stream.state.results.length, files: 0 };
  return (
    <>
      <RunHeader execution={execution} followed={followed} onEdit={() => { setEditing(true); layout.setTab('code'); }} />
      <Tabs counts={counts} />
      <OutputText output={stream.output} failure={stream.state.failure} />
      <div className="run-body" role="tabpanel" aria-label={layout.tab}>
        <ErrorBoundary key={layout.tab} what="This">
          <Suspense fallback={<p className="hint skeleton-late">Loading</p>}>
            {layout.tab === 'code' && <CodeView execution={execution} state={stream.state} editing={editing} onEditing={setEditing} />}
            {layout.tab === 'output' && <OutputView execution={execution} followed={followed} />}
            {layout.tab === 'results' && <ResultsView state={stream.state} gone={stream.connection === 'gone'} />}
            {layout.tab === 'files' && <FilesView session={session} />}
          </Suspense>
        </ErrorBoundary>
      </div>
    </>
  );
}

function Tabs({ counts }: { readonly counts: Readonly<Record<RunTab, number>> }): ReactElement {
  const { layout } = useAthenic();
  const key = (event: KeyboardEvent): void => {
    const at = TABS.findIndex(({ tab }) => tab === layout.tab);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: TABS.length - 1, 1: 0, 2: 1, 3: 2, 4: 3 }[event.key];
    const next = to === undefined ? undefined : TABS.at(to % TABS.length)?.tab;
    if (next === undefined) return;
    event.preventDefault();
    layout.setTab(next);
    event.currentTarget.querySelector<HTMLElement>(`[data-tab=${next}]`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label="Parts of the execution" onKeyDown={key}>
      {TABS.map(({ tab, word }, at) => (
        <button key={tab} type="button" role="tab" aria-selected={layout.tab === tab} tabIndex={layout.tab === tab ? 0 : -1} data-tab={tab}
          onClick={() => layout.setTab(tab)} title={`${word} (${at + 1})`} data-testid={`${tab}-tab`}>
          {word}{counts[tab] > 0 && <span className="count">{counts[tab] > 99_999 ? `${count(Math.floor(counts[tab] / 1000))}k` : count(counts[tab])}</span>}
        </button>
      ))}
    </div>
  );
}

/** Files can be looked at before anything was run. */
function WithoutExecution({ session }: { readonly session: ThreadSession | undefined }): ReactElement {
  const { layout } = useAthenic();
  return (
    <>
      <header className="run-head">
        <div className="run-line-1"><h2 className="run-status">Files</h2><span className="spacer" />
          <IconButton icon={PanelRightClose} label="Close" shortcut="Ctrl J" onClick={() => layout.closeRun()} />
        </div>
      </header>
      <div className="run-body">{session === undefined ? <p className="hint pad">Nothing has been run yet.</p> : <FilesView session={session} />}</div>
    </>
  );
}
