import { ArrowDown, PanelLeftOpen, PanelRightOpen, Plus } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, useState, type ReactElement } from 'react';
import { useObservable } from '../../app/observable';
import type { ThreadSession } from '../../app/session';
import { useAthenic } from '../context';
import { IconButton } from '../IconButton';
import { Mark } from '../Mark';
import { Composer } from './Composer';
import { EmptyState } from './EmptyState';
import { MessageView, PendingView } from './MessageView';
import { RunLine } from './RunLine';

export function ChatPane(): ReactElement {
  const athenic = useObservable(useAthenic());
  const { layout, session } = athenic;
  const title = session?.state?.thread.title ?? '';
  return (
    <section className="chat" aria-label="Chat">
      <header className="bar chat-bar">
        {!layout.sidebar && (
          <>
            <IconButton icon={PanelLeftOpen} label="Show threads" shortcut="Ctrl B" onClick={() => layout.toggleSidebar()} />
            <IconButton icon={Plus} label="New thread" shortcut="Ctrl Shift O" onClick={() => athenic.open(undefined)} />
            {session === undefined && <span className="brand"><Mark size={18} />Athenic</span>}
          </>
        )}
        {title !== '' && <h1 className="chat-title" title={title}>{title}</h1>}
        <span className="spacer" />
        {!layout.runOpen && session !== undefined && session.loading !== 'missing' && (
          <button type="button" className="button button-quiet" title="Show the run side (Ctrl J)" onClick={() => layout.openRun(session.executions.length === 0 ? 'files' : 'output')} data-testid="open-run">
            <PanelRightOpen size={16} strokeWidth={1.75} aria-hidden />Run
            {session.executions.length > 0 && <span className="count">{session.executions.length}</span>}
          </button>
        )}
      </header>
      {session === undefined ? <EmptyState /> : <Messages key={session.id} session={session} />}
      <Composer />
    </section>
  );
}

function Messages({ session }: { readonly session: ThreadSession }): ReactElement {
  const athenic = useAthenic();
  useObservable(session);
  const list = useRef<HTMLDivElement>(null);
  const [sticks, setSticks] = useState(true);
  const { state, loading } = session;
  useLayoutEffect(() => {
    if (sticks && list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  });
  // Pictures and code that arrive later make it longer without a render of this list.
  useEffect(() => {
    const box = list.current;
    const inner = box?.firstElementChild;
    if (box === null || inner === null || inner === undefined || !sticks) return undefined;
    const observer = new ResizeObserver(() => { box.scrollTop = box.scrollHeight; });
    observer.observe(inner);
    observer.observe(box);
    return () => observer.disconnect();
  }, [sticks]);
  return (
    <div className="messages-frame">
      <div className="messages" ref={list} tabIndex={-1} onScroll={(event) => {
        const box = event.currentTarget;
        setSticks(box.scrollHeight - box.scrollTop - box.clientHeight < 48);
      }}>
        <div className="messages-inner" role="log" aria-label="Messages" aria-live="polite" data-testid="messages">
          {loading === 'loading' && <p className="hint skeleton-late">Loading the thread</p>}
          {loading === 'missing' && <p className="notice notice-warning">This thread does not exist (any more). It may have been deleted. <button type="button" className="link" onClick={() => athenic.open(undefined)}>Start a new thread</button></p>}
          {loading === 'failed' && (
            <p className="notice notice-error">
              {session.error} <button type="button" className="link" onClick={() => void session.load()}>Try again</button>
            </p>
          )}
          {state?.messages.map((message) => <MessageView key={message.id} message={message} />)}
          {session.pending.map((pending) => <PendingView key={pending.key} pending={pending} session={session} />)}
          {loading === 'ready' && state?.messages.length === 0 && session.pending.length === 0 && <p className="hint">Nothing here yet. Ask something, or paste code.</p>}
          {state?.run !== undefined && <RunLine run={state.run} />}
        </div>
      </div>
      {!sticks && (
        <button type="button" className="pill" onClick={() => setSticks(true)}><ArrowDown size={14} aria-hidden />Latest</button>
      )}
    </div>
  );
}
