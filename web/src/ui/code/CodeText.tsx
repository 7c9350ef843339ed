import { useEffect, useState, type ReactElement } from 'react';
import type { Token } from './languages';

type Highlight = (code: string, language: string) => readonly (readonly Token[])[] | undefined;
let highlight: Highlight | undefined;
const loading = (): Promise<void> => import('./languages').then((module) => { highlight = module.highlight; });

/** Longer code is shown without colours, so that it never makes the page wait. */
const COLOURED_UP_TO = 100_000;

/** Code to read: coloured as soon as the colours are loaded. */
export function CodeText({ code, language }: { readonly code: string; readonly language: string }): ReactElement {
  const [, loaded] = useState(highlight !== undefined);
  useEffect(() => {
    let shown = true;
    if (highlight === undefined) void loading().then(() => { if (shown) loaded(true); });
    return () => { shown = false; };
  }, []);
  const lines = code.length <= COLOURED_UP_TO ? highlight?.(code, language) : undefined;
  if (lines === undefined) return <code>{code}</code>;
  return (
    <code>
      {lines.map((line, number) => (
        <span key={number}>
          {line.map((token, at) => token.kind === '' ? token.text : <span key={at} className={token.kind}>{token.text}</span>)}
          {number < lines.length - 1 ? '\n' : ''}
        </span>
      ))}
    </code>
  );
}
