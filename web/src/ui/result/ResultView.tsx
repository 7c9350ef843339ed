import { Download } from 'lucide-react';
import { memo, useMemo, useState, type ReactElement } from 'react';
import { base64Of, FORMAT_WORD, formatsOf, type Format, type Shown } from '../../core/results';
import { stripAnsi } from '../../core/ansi';
import { size } from '../../core/format';
import { never, type Result } from '../../core/protocol';
import { save } from '../copy';
import { ErrorBoundary } from '../ErrorBoundary';
import { IconButton } from '../IconButton';
import { Markdown } from '../Markdown';
import { BlobImage } from './BlobImage';
import { HtmlFrame } from './HtmlFrame';
import { JsonTree } from './JsonTree';
import { DataFrameView } from './TableView';

/** One result: its best format, the others one click away. */
export const ResultView = memo(function ResultView({ result, number }: { readonly result: Result; readonly number: number }): ReactElement | null {
  const formats = useMemo(() => formatsOf(result), [result]);
  const [chosen, setChosen] = useState(0);
  const shown = formats[chosen] ?? formats[0];
  if (shown === undefined) return null;
  const file = download(shown, number);
  const plain = formats.length === 1 && shown.format === 'text';
  return (
    <figure className="result" data-testid="run-result" data-format={shown.format}>
      {!plain && (
        <figcaption>
          {formats.map(({ format }, at) => (
            <button key={format} type="button" className="format" aria-pressed={at === chosen} onClick={() => setChosen(at)}>{FORMAT_WORD[format]}</button>
          ))}
          <span className="spacer" />
          {file !== undefined && <IconButton icon={Download} label={`Download ${file.name}`} onClick={() => save(file.name, file.blob())} />}
        </figcaption>
      )}
      <ErrorBoundary key={chosen} what="This result"><Value shown={shown} number={number} /></ErrorBoundary>
    </figure>
  );
});

function Value({ shown: { format, value }, number }: { readonly shown: Shown; readonly number: number }): ReactElement {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  switch (format) {
    case 'png': return <Picture value={value} type="image/png" number={number} />;
    case 'jpeg': return <Picture value={value} type="image/jpeg" number={number} />;
    case 'svg': return <SvgPicture svg={text} number={number} />;
    case 'table': return <DataFrameView html={text} />;
    case 'html': return <HtmlFrame html={text} />;
    case 'markdown': return <div className="result-text"><Markdown text={text} /></div>;
    case 'json':
    case 'chart':
    case 'data': return <JsonTree value={value} />;
    case 'pdf': return <p className="hint">A PDF of {size(Math.floor(base64Of(value).length * 0.75))}: download it to read it.</p>;
    case 'javascript': return <><p className="hint">JavaScript of a result is shown, never run.</p><pre className="result-pre" tabIndex={0}>{text}</pre></>;
    case 'latex':
    case 'text': return <pre className="result-pre" tabIndex={0}>{stripAnsi(text)}</pre>;
    default: return never(format);
  }
}

function Picture({ value, type, number }: { readonly value: unknown; readonly type: string; readonly number: number }): ReactElement {
  const blob = useMemo(() => new Blob([bytes(value)], { type }), [value, type]);
  return <BlobImage blob={blob} alt={`Result ${number}, a picture`} testId="run-image" />;
}

function SvgPicture({ svg, number }: { readonly svg: string; readonly number: number }): ReactElement {
  const blob = useMemo(() => new Blob([svg], { type: 'image/svg+xml' }), [svg]);
  return <BlobImage blob={blob} alt={`Result ${number}, a drawing`} testId="run-image" />;
}

function bytes(value: unknown): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64Of(value)), (char) => char.charCodeAt(0));
}

const FILES: Partial<Readonly<Record<Format, readonly [string, string]>>> = {
  png: ['png', 'image/png'], jpeg: ['jpg', 'image/jpeg'], svg: ['svg', 'image/svg+xml'], html: ['html', 'text/html'], markdown: ['md', 'text/markdown'],
  latex: ['tex', 'text/plain'], json: ['json', 'application/json'], chart: ['json', 'application/json'], data: ['json', 'application/json'],
  javascript: ['js', 'text/javascript'], text: ['txt', 'text/plain'], pdf: ['pdf', 'application/pdf'],
};

function download({ format, value }: Shown, number: number): { readonly name: string; readonly blob: () => Blob } | undefined {
  const file = FILES[format];
  if (file === undefined) return undefined;
  const [extension, type] = file;
  const binary = format === 'png' || format === 'jpeg' || format === 'pdf';
  return {
    name: `result-${number}.${extension}`,
    blob: () => new Blob([binary ? bytes(value) : typeof value === 'string' ? value : JSON.stringify(value, null, 2)], { type }),
  };
}
