import { ChartLine, SquareTerminal, Table } from 'lucide-react';
import type { ReactElement } from 'react';
import { useObservable } from '../../app/observable';
import type { ServerStatus } from '../../core/protocol';
import { useAthenic } from '../context';
import { Mark } from '../Mark';
import { EXAMPLES } from './examples';

const ICONS = { chart: ChartLine, terminal: SquareTerminal, table: Table };

export function EmptyState(): ReactElement {
  const athenic = useObservable(useAthenic());
  return (
    <div className="empty">
      <div className="empty-inner">
        <Mark size={40} />
        <h1>Answers that are computed</h1>
        <p className="empty-lead">Write a message that needs code, and watch it run in a sandbox on this machine.</p>
        <ul className="examples">
          {EXAMPLES.map((example) => {
            const Icon = ICONS[example.icon];
            return (
              <li key={example.title}>
                <button type="button" className="example" onClick={() => void athenic.send(example.message)} data-testid="example">
                  <Icon size={18} strokeWidth={1.5} aria-hidden />
                  <span><strong>{example.title}</strong><small>{example.hint}</small></span>
                </button>
              </li>
            );
          })}
        </ul>
        <p className="hint">Drop a file anywhere to put it into the sandbox.</p>
        <Health status={athenic.status} failed={athenic.statusFailed} />
      </div>
    </div>
  );
}

function Health({ status, failed }: { readonly status: ServerStatus | undefined; readonly failed: boolean }): ReactElement | null {
  if (failed) {
    return <dl className="health" data-testid="health"><Row name="Server" tone="failed" word="does not answer" hint="Check that Athenic is still running; ./athenic doctor says what is wrong." /></dl>;
  }
  if (status === undefined) return <dl className="health" />;
  const engine = status.engine.status === 'ready' || status.engine.status === 'healthy' || status.engine.status === 'up';
  const model = status.model.status === 'ready';
  return (
    <dl className="health" data-testid="health">
      <Row name="Engine" tone={engine ? 'done' : 'warning'} word={engine ? 'ready' : status.engine.status}
        hint={engine ? '' : `${status.engine.detail ?? ''} Run ./athenic doctor to see what is missing.`.trim()} />
      <Row name="Model" tone={model ? 'done' : 'stopped'} word={model ? (status.model.name ?? 'ready') : 'none'}
        hint={model ? (status.model.provider ?? '') : 'Code and commands run without one. For answers in words, set ANTHROPIC_API_KEY, OPENAI_API_KEY or use Ollama, and start again.'} />
    </dl>
  );
}

function Row({ name, tone, word, hint }: { readonly name: string; readonly tone: string; readonly word: string; readonly hint: string }): ReactElement {
  return (
    <div className="health-row">
      <dt><span className={`health-dot tone-${tone}`} />{name}</dt>
      <dd><span className={`tone-${tone}`}>{word}</span>{hint !== '' && <span className="muted">. {hint}</span>}</dd>
    </div>
  );
}
