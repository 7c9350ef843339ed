import { ArrowUp, CircleAlert, File, Loader, Paperclip, RotateCcw, Square, X } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactElement } from 'react';
import { memory } from '../../app/ports';
import { useObservable } from '../../app/observable';
import type { Attachment, Uploads } from '../../app/uploads';
import { size } from '../../core/format';
import type { ExecuteMode } from '../../core/protocol';
import { useAthenic } from '../context';
import { IconButton } from '../IconButton';
import { useSessionRun } from './useSessionRun';

/** The server takes 256 KiB; a character may need up to three bytes here. */
const MAX_BYTES = 256 * 1024;

const MODES: readonly { readonly mode: ExecuteMode; readonly word: string; readonly hint: string }[] = [
  { mode: 'auto', word: 'Run when needed', hint: 'Athenic decides whether a message needs code' },
  { mode: 'always', word: 'Always run', hint: 'Every message is answered by running code' },
  { mode: 'never', word: 'Never run', hint: 'Nothing is run' },
];

export function Composer(): ReactElement {
  const athenic = useObservable(useAthenic());
  const uploads = useObservable(athenic.uploads);
  const threadId = athenic.session?.id ?? '';
  const run = useSessionRun();
  const [text, setText] = useDraft(threadId);
  const [waiting, setWaiting] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);

  useLayoutEffect(() => {
    const box = area.current;
    if (box === null) return;
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight, 280)}px`;
  }, [text]);
  useEffect(() => { if (matchMedia('(pointer: fine)').matches) area.current?.focus(); }, [threadId]);

  const busy = run !== undefined;
  const missing = athenic.session?.loading === 'missing';
  const tooLong = new TextEncoder().encode(text).length > MAX_BYTES;
  const sendable = text.trim() !== '' && !busy && !waiting && !tooLong && !missing;
  const send = async (): Promise<void> => {
    if (!sendable) return;
    setWaiting(true);
    const message = text;
    // Emptied before the thread is made: the draft belongs to the page without one.
    setText('');
    if (!await athenic.send(message)) setText(message);
    setWaiting(false);
  };
  const key = (event: KeyboardEvent): void => {
    // While an input method composes, Enter takes its proposal.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };
  return (
    <form className="composer" onSubmit={(event) => { event.preventDefault(); void send(); }}>
      {uploads.items.length > 0 && (
        <ul className="attachments" aria-label="Files of this message">
          {uploads.items.map((item) => <AttachmentChip key={item.key} item={item} uploads={uploads} />)}
        </ul>
      )}
      <div className="composer-box" onPointerDown={(event) => {
        if (event.target === event.currentTarget || event.target === event.currentTarget.lastElementChild) { event.preventDefault(); area.current?.focus(); }
      }}>
        <textarea ref={area} rows={1} value={text} onChange={(event) => setText(event.target.value)} onKeyDown={key}
          onPaste={(event) => {
            const files = [...event.clipboardData.files];
            if (files.length > 0) { event.preventDefault(); uploads.add(files); }
          }}
          placeholder={missing ? 'This thread is gone' : 'Ask, or paste code to run'} aria-label="Message" disabled={missing} data-testid="composer-input" />
        <div className="composer-tools">
          <IconButton icon={Paperclip} label="Add files" onClick={() => picker.current?.click()} disabled={missing} testId="composer-attach" />
          <input ref={picker} type="file" multiple hidden data-testid="composer-file" onChange={(event) => {
            uploads.add(event.target.files ?? []);
            event.target.value = '';
          }} />
          <select className="mode" value={athenic.execute} aria-label="When code is run" title={MODES.find(({ mode }) => mode === athenic.execute)?.hint}
            onChange={(event) => athenic.setExecute(event.target.value as ExecuteMode)} data-testid="composer-mode">
            {MODES.map(({ mode, word }) => <option key={mode} value={mode}>{word}</option>)}
          </select>
          <span className="spacer" />
          <span className="composer-hint" role="status">
            {tooLong ? 'Too long: 256 KB is the most. Put it into a file.' : waiting && uploads.items.length > 0 ? 'Waiting for the files' : busy ? 'Running' : 'Shift Enter for a new line'}
          </span>
          {busy
            ? (
              <button type="button" className="send send-stop" title="Stop" aria-label="Stop" onClick={() => void athenic.stopRun()} data-testid="composer-stop">
                <Square size={14} fill="currentColor" aria-hidden />
              </button>
            )
            : (
              <button type="submit" className="send" disabled={!sendable} title="Send (Enter)" aria-label="Send" data-testid="composer-send">
                <ArrowUp size={18} aria-hidden />
              </button>
            )}
        </div>
      </div>
    </form>
  );
}

function AttachmentChip({ item, uploads }: { readonly item: Attachment; readonly uploads: Uploads }): ReactElement {
  return (
    <li className={item.state === 'failed' ? 'chip chip-failed' : 'chip'} data-testid="attachment" data-state={item.state}>
      {item.state === 'uploading' ? <Loader size={14} className="status-starting" aria-label="Uploading" />
        : item.state === 'failed' ? <CircleAlert size={14} aria-hidden /> : <File size={14} strokeWidth={1.75} aria-hidden />}
      <span className="chip-path">{item.path ?? item.file.name}</span>
      <span className="muted">{size(item.file.size)}</span>
      {item.error !== undefined && <span className="chip-error">{item.error}</span>}
      {item.state === 'failed' && <IconButton icon={RotateCcw} label="Upload again" onClick={() => uploads.retry(item.key)} />}
      <IconButton icon={X} label={`Remove ${item.file.name}`} onClick={() => uploads.remove(item.key)} />
    </li>
  );
}

/** What was typed and not sent survives a reload, for each thread. */
function useDraft(threadId: string): readonly [string, (text: string) => void] {
  const [drafts, setDrafts] = useState<Readonly<Record<string, string>>>({});
  const text = drafts[threadId] ?? memory.get(`draft.${threadId}`) ?? '';
  return [text, (next) => {
    setDrafts((known) => ({ ...known, [threadId]: next }));
    memory.set(`draft.${threadId}`, next === '' ? undefined : next.slice(0, 20_000));
  }];
}
