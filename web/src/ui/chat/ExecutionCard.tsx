import { ChevronRight } from 'lucide-react';
import type { ReactElement } from 'react';
import { useMaybeObservable, useObservable } from '../../app/observable';
import { capital, plural } from '../../core/format';
import { isFinal, type ExecutionPart } from '../../core/protocol';
import { useAthenic } from '../context';
import { EXECUTION_LOOK, StatusMark } from '../status';

export const LANGUAGE: Readonly<Record<string, string>> = { python: 'Python', javascript: 'JavaScript', bash: 'Shell' };

/** An execution in the chat: opens it on the run side. */
export function ExecutionCard({ part }: { readonly part: ExecutionPart }): ReactElement {
  const athenic = useObservable(useAthenic());
  const lines = part.code.replace(/\n+$/, '').split('\n');
  const first = lines.find((line) => !/^\s*(#.*|\/\/.*|import .*|from .* import .*|)$/.test(line)) ?? lines[0] ?? '';
  const selected = athenic.selected === part.executionId && athenic.layout.runOpen;
  const followed = useMaybeObservable(athenic.follower.peek(part.executionId));
  const live = followed?.stream.state;
  // The chat is told of the start and the end only.
  const status = isFinal(part.status) || live === undefined || live.lastSequence === 0 ? part.status : live.status;
  const look = EXECUTION_LOOK[status];
  return (
    <button type="button" className={selected ? 'card card-selected' : 'card'} onClick={() => athenic.select(part.executionId)}
      title="Show the execution" data-testid="execution-card" data-status={status}>
      <span className="card-head">
        <StatusMark status={status} />
        <span className={`tone-${look.tone}`}>{look.word}</span>
        <span className="muted">{LANGUAGE[part.language] ?? part.language} · {plural(lines.length, 'line')}</span>
        <span className="spacer" />
        <ChevronRight size={16} strokeWidth={1.75} aria-hidden />
      </span>
      <code className="card-code">{first}</code>
      {part.reason !== '' && <span className="card-reason">{capital(part.reason)}</span>}
    </button>
  );
}
