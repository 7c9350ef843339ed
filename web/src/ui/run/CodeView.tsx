import { Play } from 'lucide-react';
import { lazy, useState, type ReactElement } from 'react';
import type { ExecutionRef } from '../../core/chat';
import type { ExecutionState } from '../../core/execution';
import { explain } from '../../core/failures';
import { useSessionRun } from '../chat/useSessionRun';
import { useAthenic } from '../context';

const CodeEditor = lazy(() => import('../code/CodeEditor'));

interface Props { readonly execution: ExecutionRef; readonly state: ExecutionState; readonly editing: boolean; readonly onEditing: (editing: boolean) => void }

export function CodeView({ execution: { part }, state, editing, onEditing }: Props): ReactElement {
  const athenic = useAthenic();
  const run = useSessionRun();
  const [code, setCode] = useState(part.code);
  const line = explain(state.status, state.statusText, state.failure)?.line;
  const start = (): void => {
    if (run !== undefined || code.trim() === '') return;
    onEditing(false);
    void athenic.run(part.language, code);
  };
  return (
    <div className="code-view" data-testid="run-code">
      <CodeEditor code={part.code} language={part.language} editable={editing} errorLine={line} onChange={setCode} onRun={start} />
      {editing && (
        <footer className="code-tools">
          <span className="hint">Runs as a new execution; this one stays.</span>
          <span className="spacer" />
          <button type="button" className="button button-quiet" onClick={() => { setCode(part.code); onEditing(false); }}>Cancel</button>
          <button type="button" className="button button-primary" onClick={start} disabled={run !== undefined || code.trim() === ''} title="Run (Ctrl Enter)" data-testid="run-edited">
            <Play size={14} aria-hidden />Run
          </button>
        </footer>
      )}
    </div>
  );
}
