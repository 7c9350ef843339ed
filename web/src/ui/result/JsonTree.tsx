import { useState, type ReactElement } from 'react';
import { plural } from '../../core/format';

const FIRST = 100;
const OPEN_DEPTH = 2;
const MAX_DEPTH = 100;

export function JsonTree({ value }: { readonly value: unknown }): ReactElement {
  return <div className="json"><Node value={value} depth={0} /></div>;
}

function Node({ name, value, depth }: { readonly name?: string; readonly value: unknown; readonly depth: number }): ReactElement {
  const [limit, setLimit] = useState(FIRST);
  const [open, setOpen] = useState(depth < OPEN_DEPTH);
  const label = name === undefined ? null : <span className="json-name">{name}: </span>;
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return <div className="json-leaf">{label}<Leaf value={value} /></div>;
  const list = Array.isArray(value);
  const entries = Object.entries(value as Readonly<Record<string, unknown>>);
  if (entries.length === 0) return <div className="json-leaf">{label}{list ? '[]' : '{}'}</div>;
  return (
    <details open={open} onToggle={(event) => { event.stopPropagation(); setOpen(event.currentTarget.open); }}>
      <summary>{label}<span className="muted">{list ? '[' : '{'}{plural(entries.length, list ? 'item' : 'field')}{list ? ']' : '}'}</span></summary>
      {open && (
        <div className="json-children">
          {entries.slice(0, limit).map(([key, child]) => <Node key={key} name={key} value={child} depth={depth + 1} />)}
          {entries.length > limit && <button type="button" className="link" onClick={() => setLimit(limit * 10)}>{plural(entries.length - limit, 'more item')}</button>}
        </div>
      )}
    </details>
  );
}

function Leaf({ value }: { readonly value: unknown }): ReactElement {
  switch (typeof value) {
    case 'string': return <span className="tok-string">{JSON.stringify(value.length > 2000 ? `${value.slice(0, 2000)}…` : value)}</span>;
    case 'number': case 'boolean': return <span className="tok-number">{String(value)}</span>;
    default: return <span className="tok-keyword">{value === null ? 'null' : '…'}</span>;
  }
}
