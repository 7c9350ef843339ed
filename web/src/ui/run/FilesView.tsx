import { ChevronRight, CornerLeftUp, Download, Eye, EyeOff, File, FileImage, FileText, Folder, RefreshCw, Upload } from 'lucide-react';
import { useCallback, useEffect, useRef, useState, type ReactElement } from 'react';
import { useObservable } from '../../app/observable';
import type { ThreadSession } from '../../app/session';
import { ago, size } from '../../core/format';
import type { FileEntry } from '../../core/protocol';
import { useAthenic, useNow } from '../context';
import { IconButton } from '../IconButton';
import { FilePreview } from './FilePreview';

const HOME = '/home/user';

type Listing =
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly entries: readonly FileEntry[] }
  | { readonly state: 'failed'; readonly error: string };

export function FilesView({ session }: { readonly session: ThreadSession }): ReactElement {
  const athenic = useAthenic();
  useObservable(session);
  const [path, setPath] = useState(HOME);
  const [listing, setListing] = useState<Listing>({ state: 'loading' });
  const [sending, setSending] = useState('');
  const [hidden, setHidden] = useState(false);
  const [preview, setPreview] = useState<FileEntry>();
  const picker = useRef<HTMLInputElement>(null);
  const now = useNow(true, 30_000);
  const version = session.state?.filesVersion ?? 0;

  const wanted = useRef(0);
  const load = useCallback(async () => {
    const turn = ++wanted.current;
    try {
      const { entries } = await athenic.api.files(session.id, path);
      if (turn === wanted.current) setListing({ state: 'ready', entries: sorted(entries) });
    } catch (error) {
      if (turn === wanted.current) setListing({ state: 'failed', error: error instanceof Error ? error.message : String(error) });
    }
  }, [athenic, session.id, path]);
  useEffect(() => { void load(); }, [load, version]);

  const upload = async (files: FileList | null): Promise<void> => {
    for (const file of files ?? []) {
      setSending(file.name);
      try {
        await athenic.api.upload(session.id, file.name, file);
      } catch (error) {
        athenic.report(`${file.name} was not uploaded. ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    setSending('');
    setPath(HOME);
    await load();
  };

  const entries = listing.state === 'ready' ? listing.entries : [];
  const shown = hidden ? entries : entries.filter(({ name }) => !name.startsWith('.'));

  if (preview !== undefined) return <FilePreview session={session} entry={preview} onClose={() => setPreview(undefined)} />;
  return (
    <div className="files">
      <div className="files-bar">
        <Crumbs path={path} onOpen={setPath} />
        <span className="spacer" />
        {sending !== '' && <span className="hint">Uploading {sending}</span>}
        {entries.some(({ name }) => name.startsWith('.')) && (
          <IconButton icon={hidden ? Eye : EyeOff} label={hidden ? 'Leave out hidden files' : 'Show hidden files'} pressed={hidden} onClick={() => setHidden(!hidden)} />
        )}
        <IconButton icon={RefreshCw} label="Look again" onClick={() => void load()} />
        <IconButton icon={Upload} label={`Upload to ${HOME}`} onClick={() => picker.current?.click()} testId="files-upload" />
        <input ref={picker} type="file" multiple hidden onChange={(event) => { void upload(event.target.files); event.target.value = ''; }} />
      </div>
      {listing.state === 'loading' && <p className="hint pad skeleton-late">Loading files</p>}
      {listing.state === 'failed' && <p className="notice notice-error">{listing.error} <button type="button" className="link" onClick={() => void load()}>Try again</button></p>}
      {listing.state === 'ready' && shown.length === 0 && (
        <p className="hint pad">{path === HOME ? 'No files yet. Drop some here, or let code write them.' : entries.length > 0 ? 'Only hidden files.' : 'This folder is empty.'}</p>
      )}
      {listing.state === 'ready' && (
        <ul className="file-list">
          {path !== '/' && path !== HOME && (
            <li className="file-row"><button type="button" className="file-name" onClick={() => setPath(parent(path))}><CornerLeftUp size={16} strokeWidth={1.5} aria-hidden />..</button></li>
          )}
          {shown.map((entry) => (
            <li key={entry.path} className="file-row" data-testid="file-row" data-path={entry.path}>
              <button type="button" className="file-name" title={entry.path} onClick={() => entry.type === 'directory' ? setPath(entry.path) : setPreview(entry)}>
                <Icon entry={entry} /><span>{entry.name}</span>
              </button>
              <span className="file-size">{entry.type === 'directory' ? '' : size(entry.size)}</span>
              <span className="file-time">{entry.modified === undefined ? '' : ago(entry.modified, now)}</span>
              {entry.type === 'directory'
                ? <span className="icon-button" aria-hidden><ChevronRight size={16} strokeWidth={1.5} /></span>
                : <a className="icon-button" href={athenic.api.contentUrl(session.id, entry.path)} download={entry.name} aria-label={`Download ${entry.name}`} title={`Download ${entry.name}`}><Download size={16} strokeWidth={1.75} aria-hidden /></a>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Icon({ entry }: { readonly entry: FileEntry }): ReactElement {
  const Kind = entry.type === 'directory' ? Folder : /\.(png|jpe?g|gif|svg|webp)$/i.test(entry.name) ? FileImage : /\.(txt|md|csv|tsv|json|py|js|sh|log)$/i.test(entry.name) ? FileText : File;
  return <Kind size={16} strokeWidth={1.5} aria-hidden className={entry.type === 'directory' ? 'file-folder' : 'muted'} />;
}

function Crumbs({ path, onOpen }: { readonly path: string; readonly onOpen: (path: string) => void }): ReactElement {
  const parts = path.split('/').filter((part) => part !== '');
  return (
    <nav className="crumbs" aria-label="Folder">
      <button type="button" className="link" onClick={() => onOpen('/')} aria-label="Root folder">/</button>
      {parts.map((part, at) => (
        <span key={at}>
          {at > 0 && <span className="muted">/</span>}
          <button type="button" className="link" aria-current={at === parts.length - 1 ? 'page' : undefined} onClick={() => onOpen(`/${parts.slice(0, at + 1).join('/')}`)}>{part}</button>
        </span>
      ))}
    </nav>
  );
}

const parent = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

function sorted(entries: readonly FileEntry[]): readonly FileEntry[] {
  return [...entries].sort((a, b) => Number(b.type === 'directory') - Number(a.type === 'directory') || a.name.localeCompare(b.name));
}
