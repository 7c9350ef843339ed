import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { Decoration, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view';
import { useEffect, useRef, type ReactElement } from 'react';
import { languageExtension } from './languages';

interface Props {
  readonly code: string;
  readonly language: string;
  readonly editable: boolean;
  /** Counted from 1: the line of the error. */
  readonly errorLine?: number | undefined;
  readonly onChange?: (code: string) => void;
  readonly onRun?: () => void;
}

export default function CodeEditor({ code, language, editable, errorLine, onChange, onRun }: Props): ReactElement {
  const host = useRef<HTMLDivElement>(null);
  const handlers = useRef({ onChange, onRun });
  handlers.current = { onChange, onRun };
  useEffect(() => {
    if (host.current === null) return undefined;
    const mark = errorLine === undefined ? [] : EditorView.decorations.of((view) => {
      const line = errorLine <= view.state.doc.lines ? view.state.doc.line(errorLine) : undefined;
      return line === undefined ? Decoration.none : Decoration.set(Decoration.line({ class: 'cm-error-line' }).range(line.from));
    });
    const view = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: code,
        extensions: [
          lineNumbers(),
          EditorView.contentAttributes.of({ 'aria-label': editable ? 'Code to run' : 'Code' }),
          EditorView.lineWrapping,
          languageExtension(language),
          editable ? mark : mark,
          editable
            ? [
              history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), highlightActiveLineGutter(), indentUnit.of('    '),
              keymap.of([
                { key: 'Mod-Enter', run: () => { handlers.current.onRun?.(); return true; } },
                ...defaultKeymap, ...historyKeymap, indentWithTab,
              ]),
              EditorView.updateListener.of((update) => { if (update.docChanged) handlers.current.onChange?.(update.state.doc.toString()); }),
            ]
            : [EditorState.readOnly.of(true), EditorView.editable.of(false)],
        ],
      }),
    });
    if (editable) view.focus();
    return () => view.destroy();
    // The text belongs to the editor once it stands: it is made again only for another execution.
  }, [code, language, editable, errorLine]);
  return <div className="editor" ref={host} />;
}
