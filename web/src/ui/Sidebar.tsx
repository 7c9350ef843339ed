import { Monitor, Moon, MoreHorizontal, PanelLeftClose, Pencil, Plus, Sun, Trash2 } from 'lucide-react';
import { useEffect, useRef, useState, type KeyboardEvent, type ReactElement } from 'react';
import { useObservable } from '../app/observable';
import type { Theme } from '../app/layout';
import { ago } from '../core/format';
import type { Thread } from '../core/protocol';
import { useAthenic, useNow } from './context';
import { IconButton } from './IconButton';
import { Mark } from './Mark';

const NEXT_THEME: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_ICON = { system: Monitor, light: Sun, dark: Moon };
const THEME_WORD: Readonly<Record<Theme, string>> = { system: 'Theme: as the system', light: 'Theme: light', dark: 'Theme: dark' };

export function Sidebar(): ReactElement {
  const athenic = useObservable(useAthenic());
  const { threads, layout } = athenic;
  return (
    <nav className="sidebar" aria-label="Threads">
      <header className="bar">
        <span className="brand"><Mark size={20} />Athenic</span>
        <span className="spacer" />
        <IconButton icon={PanelLeftClose} label="Hide threads" shortcut="Ctrl B" onClick={() => layout.toggleSidebar()} />
      </header>
      <button type="button" className="new-thread" onClick={() => athenic.open(undefined)} title="New thread (Ctrl Shift O)" data-testid="new-thread">
        <Plus size={16} strokeWidth={1.75} aria-hidden />New thread
      </button>
      <ul className="threads" data-testid="thread-list">
        {threads.state === 'loading' && <li className="hint skeleton-late">Loading threads</li>}
        {threads.state === 'failed' && (
          <li className="hint">
            {threads.error} <button type="button" className="link" onClick={() => void athenic.refreshThreads()}>Try again</button>
          </li>
        )}
        {threads.state === 'ready' && threads.list.length === 0 && <li className="hint">No threads yet. What you ask is kept here.</li>}
        {threads.state === 'ready' && threads.list.map((thread) => <ThreadItem key={thread.id} thread={thread} />)}
      </ul>
      <footer className="bar">
        <IconButton icon={THEME_ICON[layout.theme]} label={THEME_WORD[layout.theme]} onClick={() => layout.setTheme(NEXT_THEME[layout.theme])} />
        <span className="spacer" />
        {athenic.status !== undefined && <span className="version">{athenic.status.version}</span>}
      </footer>
    </nav>
  );
}

function ThreadItem({ thread }: { readonly thread: Thread }): ReactElement {
  const athenic = useAthenic();
  const now = useNow(true, 60_000);
  const [mode, setMode] = useState<'idle' | 'menu' | 'rename' | 'delete'>('idle');
  const item = useRef<HTMLLIElement>(null);
  const title = thread.title === '' ? 'New thread' : thread.title;
  const current = athenic.session?.id === thread.id;
  useEffect(() => {
    if (mode !== 'menu' && mode !== 'delete') return undefined;
    const leave = (event: Event): void => {
      if (event.target instanceof Node && item.current?.contains(event.target) !== true) setMode('idle');
    };
    addEventListener('pointerdown', leave);
    return () => removeEventListener('pointerdown', leave);
  }, [mode]);
  const escape = (event: KeyboardEvent): void => { if (event.key === 'Escape') { event.stopPropagation(); setMode('idle'); } };
  if (mode === 'rename') {
    return (
      <li className="thread" ref={item}>
        <form onSubmit={(event) => {
          event.preventDefault();
          void athenic.rename(thread.id, String(new FormData(event.currentTarget).get('title') ?? ''));
          setMode('idle');
        }}>
          <input name="title" className="thread-rename" defaultValue={title} maxLength={200} aria-label="Name of the thread" autoFocus
            onFocus={(event) => event.currentTarget.select()} onKeyDown={escape} onBlur={() => setMode('idle')} />
        </form>
      </li>
    );
  }
  return (
    <li className={current ? 'thread thread-current' : 'thread'} ref={item} onKeyDown={escape} data-testid="thread-item">
      <a href={`/t/${encodeURIComponent(thread.id)}`} aria-current={current ? 'page' : undefined} title={title} onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        athenic.open(thread.id);
      }}>
        <span className="thread-title">{title}</span>
        <span className="thread-time">{ago(thread.updatedAt, now)}</span>
      </a>
      <button type="button" className="icon-button thread-more" aria-label={`More for ${title}`} title="Rename, delete" aria-expanded={mode === 'menu'}
        onClick={() => setMode(mode === 'menu' ? 'idle' : 'menu')}><MoreHorizontal size={16} aria-hidden /></button>
      {mode === 'menu' && (
        <div className="menu" role="menu">
          <button type="button" role="menuitem" autoFocus onClick={() => setMode('rename')}><Pencil size={14} aria-hidden />Rename</button>
          <button type="button" role="menuitem" className="tone-failed" onClick={() => setMode('delete')}><Trash2 size={14} aria-hidden />Delete</button>
        </div>
      )}
      {mode === 'delete' && (
        <div className="menu menu-ask" role="alertdialog" aria-label="Delete thread">
          <p>Delete this thread with its sandbox and files? This cannot be undone.</p>
          <div className="row">
            <button type="button" className="button" autoFocus onClick={() => setMode('idle')}>Keep</button>
            <button type="button" className="button button-danger" onClick={() => { setMode('idle'); void athenic.remove(thread.id); }}>Delete</button>
          </div>
        </div>
      )}
    </li>
  );
}
