import { X } from 'lucide-react';
import { useEffect, useRef, useState, type CSSProperties, type ReactElement } from 'react';
import { useObservable } from '../app/observable';
import { CHAT_MIN, RUN_MIN } from '../app/layout';
import { ChatPane } from './chat/ChatPane';
import { useAthenic } from './context';
import { ConnectionBanner } from './ConnectionBanner';
import { ErrorBoundary } from './ErrorBoundary';
import { Help } from './Help';
import { RunPane } from './run/RunPane';
import { Separator } from './Separator';
import { Sidebar } from './Sidebar';

export function App(): ReactElement {
  const athenic = useObservable(useAthenic());
  const layout = useObservable(athenic.layout);
  const panes = useRef<HTMLDivElement>(null);
  const dropping = useDrop((files) => athenic.uploads.add(files));
  const [help, setHelp] = useState(false);
  useShortcuts(() => setHelp(true));
  const both = layout.runOpen && layout.wide;
  const showChat = layout.wide || !layout.runOpen || layout.front === 'chat';
  const showRun = layout.runOpen && (layout.wide || layout.front === 'run');
  const columns = { '--split': layout.split, '--chat-min': `${CHAT_MIN}px`, '--run-min': `${RUN_MIN}px` } as CSSProperties;
  return (
    <div className="app">
      {layout.sidebar && <Sidebar />}
      {layout.sidebarOver && (
        <>
          <div className="scrim" onClick={() => layout.closeSidebarOver()} />
          <div className="sidebar-over"><Sidebar /></div>
        </>
      )}
      <main className="main">
        <ConnectionBanner />
        {!layout.wide && layout.runOpen && (
          <div className="pane-tabs" role="tablist" aria-label="Chat or run">
            <button type="button" role="tab" aria-selected={showChat} onClick={() => layout.setFront('chat')}>Chat</button>
            <button type="button" role="tab" aria-selected={showRun} onClick={() => layout.setFront('run')} data-testid="run-tab">Run</button>
          </div>
        )}
        <div className={both ? 'panes panes-both' : 'panes'} style={columns} ref={panes}>
          {showChat && <ErrorBoundary what="The chat"><ChatPane /></ErrorBoundary>}
          {both && <Separator panes={panes} />}
          {showRun && <ErrorBoundary what="The run"><RunPane /></ErrorBoundary>}
        </div>
      </main>
      {dropping && <div className="drop-veil" aria-hidden><p>Drop files to put them into the sandbox</p></div>}
      {help && <Help onClose={() => setHelp(false)} />}
      <div className="problems" role="alert">
        {athenic.problems.map((problem) => (
          <div key={problem.key} className="problem">
            <span>{problem.text}</span>
            <button type="button" className="icon-button" aria-label="Dismiss" title="Dismiss" onClick={() => athenic.dismiss(problem.key)}>
              <X size={14} aria-hidden />
            </button>
          </div>
        ))}
      </div>
    </div>
  );
}

/** Files may be dropped anywhere in the page. */
function useDrop(take: (files: readonly File[]) => void): boolean {
  const [over, setOver] = useState(false);
  const taken = useRef(take);
  taken.current = take;
  useEffect(() => {
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const carries = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    let depth = 0;
    addEventListener('dragenter', (event) => { if (carries(event) && ++depth === 1) setOver(true); }, options);
    addEventListener('dragleave', (event) => { if (carries(event) && --depth === 0) setOver(false); }, options);
    addEventListener('dragover', (event) => { if (carries(event)) event.preventDefault(); }, options);
    addEventListener('drop', (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      taken.current([...event.dataTransfer?.files ?? []]);
    }, options);
    return () => controller.abort();
  }, []);
  return over;
}

function useShortcuts(help: () => void): void {
  const athenic = useAthenic();
  const showHelp = useRef(help);
  showHelp.current = help;
  useEffect(() => {
    const controller = new AbortController();
    addEventListener('keydown', (event) => {
      const command = event.ctrlKey || event.metaKey;
      const key = event.key.toLowerCase();
      if (command && event.shiftKey && key === 'o') { event.preventDefault(); athenic.open(undefined); }
      else if (command && !event.shiftKey && key === 'b') { event.preventDefault(); athenic.layout.toggleSidebar(); }
      else if (command && !event.shiftKey && key === 'j') {
        event.preventDefault();
        if (athenic.layout.runOpen) athenic.layout.closeRun();
        else athenic.layout.openRun();
      } else if (command && event.key === '.') {
        event.preventDefault();
        void athenic.stopRun();
      } else if (event.key === 'Escape') athenic.layout.closeSidebarOver();
      else if (event.key === '?' && !command && !isTyping(event.target)) showHelp.current();
    }, { signal: controller.signal });
    return () => controller.abort();
  }, [athenic]);
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
