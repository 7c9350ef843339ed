import { ArrowLeft, Download } from 'lucide-react';
import { useEffect, useState, type ReactElement } from 'react';
import type { ThreadSession } from '../../app/session';
import { size } from '../../core/format';
import { parseCsv, type Table } from '../../core/results';
import type { FileEntry } from '../../core/protocol';
import { useAthenic } from '../context';
import { CodeText } from '../code/CodeText';
import { IconButton } from '../IconButton';
import { BlobImage } from '../result/BlobImage';
import { TableView } from '../result/TableView';

const TEXT_UP_TO = 1024 * 1024;
const IMAGE_UP_TO = 32 * 1024 * 1024;
const IMAGES: Readonly<Record<string, string>> = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp', svg: 'image/svg+xml' };
const LANGUAGES: Readonly<Record<string, string>> = { py: 'python', js: 'javascript', mjs: 'javascript', json: 'json', sh: 'bash' };

type Content =
  | { readonly kind: 'loading' }
  | { readonly kind: 'image'; readonly blob: Blob }
  | { readonly kind: 'text'; readonly text: string; readonly language: string }
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'none'; readonly why: string };

export function FilePreview({ session, entry, onClose }: { readonly session: ThreadSession; readonly entry: FileEntry; readonly onClose: () => void }): ReactElement {
  const athenic = useAthenic();
  const [content, setContent] = useState<Content>({ kind: 'loading' });
  const url = athenic.api.contentUrl(session.id, entry.path);
  useEffect(() => {
    const controller = new AbortController();
    setContent({ kind: 'loading' });
    load(url, entry, controller.signal).then(setContent, (error: unknown) => {
      if (!controller.signal.aborted) setContent({ kind: 'none', why: `It could not be read: ${error instanceof Error ? error.message : String(error)}` });
    });
    return () => controller.abort();
  }, [url, entry]);
  return (
    <div className="files">
      <div className="files-bar">
        <IconButton icon={ArrowLeft} label="Back to the files" onClick={onClose} />
        <span className="file-title" title={entry.path}>{entry.name}</span>
        <span className="file-size">{size(entry.size)}</span>
        <span className="spacer" />
        <a className="icon-button" href={url} download={entry.name} aria-label={`Download ${entry.name}`} title={`Download ${entry.name}`}><Download size={16} strokeWidth={1.75} aria-hidden /></a>
      </div>
      <div className="preview" data-testid="file-preview">
        {content.kind === 'loading' && <p className="hint pad skeleton-late">Loading</p>}
        {content.kind === 'none' && <p className="hint pad">{content.why}</p>}
        {content.kind === 'image' && <div className="pad"><BlobImage blob={content.blob} alt={entry.name} /></div>}
        {content.kind === 'table' && <div className="pad"><TableView table={content.table} /></div>}
        {content.kind === 'text' && <pre className="preview-text" tabIndex={0}><CodeText code={content.text} language={content.language} /></pre>}
      </div>
    </div>
  );
}

async function load(url: string, entry: FileEntry, signal: AbortSignal): Promise<Content> {
  const extension = entry.name.slice(entry.name.lastIndexOf('.') + 1).toLowerCase();
  const type = IMAGES[extension];
  if (entry.size > (type === undefined ? TEXT_UP_TO : IMAGE_UP_TO)) return { kind: 'none', why: 'It is too large to be shown here. Download it.' };
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const bytes = await answer.arrayBuffer();
  if (type !== undefined) return { kind: 'image', blob: new Blob([bytes], { type }) };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const delimiter = { csv: ',', tsv: '\t' }[extension];
    if (delimiter !== undefined) return { kind: 'table', table: parseCsv(text, delimiter) };
    if (!text.includes('\0')) return { kind: 'text', text, language: LANGUAGES[extension] ?? '' };
  } catch { /* not text */ }
  return { kind: 'none', why: 'It is not text. Download it to open it.' };
}
