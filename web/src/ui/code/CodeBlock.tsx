import { Check, Copy, Play } from 'lucide-react';
import { memo, type ReactElement } from 'react';
import { useAthenic } from '../context';
import { useCopy } from '../copy';
import { IconButton } from '../IconButton';
import { CodeText } from './CodeText';

const RUNS: Readonly<Record<string, string>> = {
  python: 'python', py: 'python', python3: 'python', javascript: 'javascript', js: 'javascript', node: 'javascript', bash: 'bash', sh: 'bash', shell: 'bash',
};

/** Code in a message. `quiet`: without a bar of its own, for the user's own words. */
export const CodeBlock = memo(function CodeBlock({ code, language }: { readonly code: string; readonly language: string }): ReactElement {
  const athenic = useAthenic();
  const { copied, copy } = useCopy();
  const runs = RUNS[language.toLowerCase()];
  return (
    <figure className="code-block">
      <figcaption>
        <span>{language === '' ? 'text' : language}</span>
        <span className="spacer" />
        {runs !== undefined && <IconButton icon={Play} label="Run this code" onClick={() => void athenic.run(runs, code)} />}
        <IconButton icon={copied ? Check : Copy} label={copied ? 'Copied' : 'Copy'} onClick={() => copy(code)} />
      </figcaption>
      <pre tabIndex={0}><CodeText code={code} language={language} /></pre>
    </figure>
  );
});
