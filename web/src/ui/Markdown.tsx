import DOMPurify from 'dompurify';
import { Marked, type Token, type Tokens } from 'marked';
import { memo, useMemo, type ReactElement } from 'react';
import { CodeBlock } from './code/CodeBlock';

const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** Raw HTML is shown as the text it is; a picture of the web would be a request to a stranger, so it becomes a link. */
const marked = new Marked({
  gfm: true,
  async: false,
  renderer: {
    html: ({ text }) => escape(text),
    image: ({ href, text }) => `<a href="${escape(href)}">${escape(text === '' ? href : text)}</a>`,
  },
});

const purify = DOMPurify(window);
purify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName !== 'A') return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer');
});

const ALLOWED = {
  ALLOWED_TAGS: [
    'a', 'p', 'br', 'hr', 'em', 'strong', 'del', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6',
    'table', 'thead', 'tbody', 'tr', 'th', 'td', 'input',
  ],
  ALLOWED_ATTR: ['href', 'align', 'start', 'type', 'checked', 'disabled'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
};

/** A block is made into HTML once; while an answer streams only its last block changes. */
const Block = memo(function Block({ raw }: { readonly raw: string }): ReactElement {
  const html = useMemo(() => purify.sanitize(marked.parse(raw, { async: false }), ALLOWED), [raw]);
  return <div className="markdown-block" dangerouslySetInnerHTML={{ __html: html }} />;
});

export const Markdown = memo(function Markdown({ text }: { readonly text: string }): ReactElement {
  // Links by reference ([x]: url) need the whole text; they are rare and then simply stay text until the end of the block.
  const tokens = useMemo<readonly Token[]>(() => marked.lexer(text), [text]);
  return (
    <div className="markdown">
      {tokens.map((token, at) => {
        if (token.type === 'space') return null;
        if (token.type === 'code') {
          const block = token as Tokens.Code;
          return <CodeBlock key={at} code={block.text} language={(block.lang ?? '').split(/\s/)[0] ?? ''} />;
        }
        return <Block key={at} raw={token.raw} />;
      })}
    </div>
  );
});
