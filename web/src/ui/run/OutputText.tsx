import { useEffect, useState, type ReactElement } from 'react';
import { lastLines } from '../../core/ansi';
import type { ExecutionFailure } from '../../core/execution';
import type { OutputLog } from '../../core/output';

const LINES = 100;
const EVERY = 250;

/**
 * The end of the output as text, for screen readers (a terminal is a picture of text to them) and for tests. Brought up to date a
 * few times a second at most: a program may print a million lines. It is there to be read, not read out: the header says what counts.
 */
export function OutputText({ output, failure }: { readonly output: OutputLog; readonly failure: ExecutionFailure | undefined }): ReactElement {
  const [shown, setShown] = useState<{ readonly total: number; readonly lines: number; readonly text: string }>({ total: -1, lines: 0, text: '' });
  useEffect(() => {
    const update = (): void => setShown((last) => last.total === output.total ? last : {
      total: output.total, lines: output.lines, text: lastLines(output.end(16 * 1024), LINES).join('\n'),
    });
    update();
    const timer = setInterval(update, EVERY);
    return () => clearInterval(timer);
  }, [output]);
  return (
    <div className="visually-hidden" role="log" aria-live="off" aria-label="Output" data-testid="run-output" data-lines={shown.lines} data-chars={shown.total}>
      <pre>{shown.text}</pre>
      {failure !== undefined && <p>{failure.text}</p>}
    </div>
  );
}
