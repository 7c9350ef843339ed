// What went wrong, in words for people: the cause, and what to do next.
import { stripAnsi } from './ansi';
import { sentence } from './format';
import type { ExecutionFailure } from './execution';
import type { ExecutionStatus } from './protocol';

export interface Explained { readonly title: string; readonly advice: string; readonly line?: number }

/** The text of the status is the server's own cause, for ends without an error of the program. */
export function explain(status: ExecutionStatus, statusText: string, failure: ExecutionFailure | undefined): Explained | undefined {
  if (status === 'timeout') {
    return { title: 'It ran longer than it may', advice: `${statusText === '' ? '' : `${sentence(statusText)} `}Make it do less at once, or split it into steps.` };
  }
  if (failure === undefined) {
    return status === 'error' ? { title: statusText === '' ? 'It failed' : statusText, advice: '' } : undefined;
  }
  const name = failure.name ?? '';
  const value = failure.value ?? failure.text;
  const title = name === '' ? value : value === '' ? name : `${name}: ${value}`;
  const line = errorLine(failure.traceback ?? '');
  return { title: stripAnsi(title), advice: advice(name, value), ...(line === undefined ? {} : { line }) };
}

function advice(name: string, value: string): string {
  if (/^MemoryError$/.test(name) || /out of memory|oom/i.test(value)) return 'The sandbox ran out of memory. Work on smaller pieces, or delete large variables.';
  if (/No space left|ENOSPC|Disk quota/i.test(value)) return 'The sandbox’s disk is full. Delete files you no longer need.';
  if (/^(ModuleNotFoundError|ImportError)$/.test(name)) return 'The package is not installed in the sandbox. Try `pip install` with its name, if the sandbox has a way to the network.';
  if (/Name or service not known|name resolution|Network is unreachable|ENETUNREACH/i.test(value)) return 'Sandboxes have no way to the network by default. Upload the data as a file instead.';
  if (/sandbox.*(gone|not found|died|closed)|kernel.*died/i.test(value)) return 'Its variables are lost; the next execution starts afresh.';
  if (/^FileNotFoundError$/.test(name)) return 'See the Files tab for what is there; drop a file into the page to add one.';
  if (/^KeyboardInterrupt$/.test(name)) return 'It was stopped.';
  return '';
}

/** The last line of the user's own code that a traceback names. */
function errorLine(traceback: string): number | undefined {
  const text = stripAnsi(traceback);
  const cells = [...text.matchAll(/(?:Cell\s+In\s*\[\d+\]|Cell\s+In\[\d+\]|<ipython-input[^>]*>|<cell[^>]*>|File "<(?:string|stdin)>"),?\s+line (\d+)/g)];
  const last = cells.at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}
