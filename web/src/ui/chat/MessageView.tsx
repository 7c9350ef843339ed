import { CircleAlert, File, Info, RotateCcw, Trash2, TriangleAlert } from 'lucide-react';
import { memo, type ReactElement } from 'react';
import type { Pending, ThreadSession } from '../../app/session';
import { size } from '../../core/format';
import { never, type Message, type Part } from '../../core/protocol';
import { useAthenic } from '../context';
import { Markdown } from '../Markdown';
import { ExecutionCard } from './ExecutionCard';

const NOTICE_ICON = { info: Info, warning: TriangleAlert, error: CircleAlert };

export const MessageView = memo(function MessageView({ message }: { readonly message: Message }): ReactElement | null {
  if (message.role === 'assistant' && message.parts.length === 0) return null;
  return (
    <article className={`message message-${message.role}`} aria-label={message.role === 'user' ? 'You' : 'Athenic'} data-testid={`message-${message.role}`}>
      {message.parts.map((part, at) => <PartView key={at} part={part} />)}
      {message.status === 'cancelled' && message.parts.every((part) => part.type === 'execution') && <p className="hint">Stopped.</p>}
    </article>
  );
});

function PartView({ part }: { readonly part: Part }): ReactElement | null {
  switch (part.type) {
    case 'text': return part.text === '' ? null : <Markdown text={part.text} />;
    case 'execution': return <ExecutionCard part={part} />;
    case 'file': return <FileChip path={part.path} bytes={part.size} />;
    case 'notice': {
      const Icon = NOTICE_ICON[part.level];
      return <div className={`notice notice-${part.level}`}><Icon size={16} strokeWidth={1.75} aria-hidden /><Markdown text={part.text} /></div>;
    }
    case 'unknown': return null;
    default: return never(part);
  }
}

function FileChip({ path, bytes }: { readonly path: string; readonly bytes: number }): ReactElement {
  const athenic = useAthenic();
  const content = (
    <><File size={14} strokeWidth={1.75} aria-hidden /><span className="chip-path">{path}</span>{bytes > 0 && <span className="muted">{size(bytes)}</span>}</>
  );
  const session = athenic.session;
  if (session === undefined) return <span className="chip">{content}</span>;
  return <a className="chip" href={athenic.api.contentUrl(session.id, path)} download title={`Download ${path}`}>{content}</a>;
}

export function PendingView({ pending, session }: { readonly pending: Pending; readonly session: ThreadSession }): ReactElement {
  return (
    <article className={pending.error === undefined ? 'message message-user message-pending' : 'message message-user'} aria-label="You" data-testid="message-user">
      <Markdown text={pending.text} />
      {pending.files.map((path) => <FileChip key={path} path={path} bytes={0} />)}
      {pending.error !== undefined && (
        <div className="send-failed" role="alert">
          <span>Not sent. {pending.error}</span>
          <button type="button" className="button button-small" onClick={() => void session.retry(pending.key)} data-testid="send-retry"><RotateCcw size={14} aria-hidden />Send again</button>
          <button type="button" className="button button-small button-quiet" onClick={() => session.discard(pending.key)}><Trash2 size={14} aria-hidden />Discard</button>
        </div>
      )}
    </article>
  );
}
