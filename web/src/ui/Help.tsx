import { X } from 'lucide-react';
import { useEffect, useRef, type ReactElement } from 'react';
import { IconButton } from './IconButton';

const KEYS: readonly (readonly [string, string])[] = [
  ['Enter', 'Send the message'],
  ['Shift Enter', 'New line'],
  ['Ctrl Shift O', 'New thread'],
  ['Ctrl B', 'Show or hide the threads'],
  ['Ctrl J', 'Show or hide the run side'],
  ['Ctrl .', 'Stop what is running'],
  ['1 2 3 4', 'Code, Output, Results, Files (on their tabs)'],
  ['← →', 'Move the divider (when it has the focus); Home, End; double-click resets it'],
  ['Ctrl Enter', 'Run edited code'],
  ['?', 'This list'],
];

export function Help({ onClose }: { readonly onClose: () => void }): ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => { dialog.current?.showModal(); }, []);
  return (
    <dialog className="help" ref={dialog} onClose={onClose} aria-label="Keys" onClick={(event) => { if (event.target === dialog.current) dialog.current.close(); }}>
      <header className="bar"><h2>Keys</h2><span className="spacer" /><IconButton icon={X} label="Close" onClick={() => dialog.current?.close()} /></header>
      <dl>{KEYS.map(([keys, what]) => <div key={keys}><dt>{keys.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{what}</dd></div>)}</dl>
    </dialog>
  );
}
