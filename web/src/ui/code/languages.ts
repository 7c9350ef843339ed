// The parsers and colours of the languages that run. Loaded when the first code is shown.
import { javascript } from '@codemirror/lang-javascript';
import { python } from '@codemirror/lang-python';
import { HighlightStyle, StreamLanguage, syntaxHighlighting, type Language } from '@codemirror/language';
import { shell } from '@codemirror/legacy-modes/mode/shell';
import type { Extension } from '@codemirror/state';
import { highlightCode, tagHighlighter, tags } from '@lezer/highlight';

const bash = StreamLanguage.define(shell);

const TAGS = [
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], class: 'tok-keyword' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], class: 'tok-string' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], class: 'tok-number' },
  { tag: [tags.comment, tags.meta], class: 'tok-comment' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.definition(tags.function(tags.variableName)), tags.className, tags.standard(tags.variableName)], class: 'tok-name' },
];

const highlighter = tagHighlighter(TAGS);

function parser(language: string): Language | undefined {
  switch (language.toLowerCase()) {
    case 'python': case 'py': case 'python3': case 'ipython': return python().language;
    case 'javascript': case 'js': case 'node': case 'typescript': case 'ts': case 'json': return javascript().language;
    case 'bash': case 'sh': case 'shell': case 'console': return bash;
    default: return undefined;
  }
}

/** What CodeMirror needs to show a language. */
export function languageExtension(language: string): Extension {
  const style = syntaxHighlighting(HighlightStyle.define(TAGS));
  switch (parser(language)?.name) {
    case 'python': return [python(), style];
    case 'javascript': case 'typescript': return [javascript(), style];
    default: return parser(language) === undefined ? style : [bash, style];
  }
}

export interface Token { readonly text: string; readonly kind: string }

/** Code as lines of coloured tokens; undefined for a language that is not known. */
export function highlight(code: string, language: string): readonly (readonly Token[])[] | undefined {
  const known = parser(language);
  if (known === undefined) return undefined;
  const lines: Token[][] = [[]];
  highlightCode(code, known.parser.parse(code), highlighter,
    (text, kind) => lines.at(-1)?.push({ text, kind }),
    () => lines.push([]));
  return lines;
}
