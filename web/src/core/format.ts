// Numbers as people read them (design.md: "1.24 s", "3.1 MB").

export function duration(millis: number): string {
  if (!Number.isFinite(millis) || millis < 0) return '0 ms';
  if (millis < 1000) return `${Math.round(millis)} ms`;
  if (millis < 60_000) return `${(millis / 1000).toFixed(2)} s`;
  const seconds = Math.floor(millis / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** For a running clock: tenths while it is short, so that it does not flicker. */
export function clock(millis: number): string {
  return millis < 60_000 ? `${(Math.max(0, millis) / 1000).toFixed(1)} s` : duration(millis);
}

export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) { value /= 1000; unit++; }
  return `${value.toFixed(1)} ${units[unit] ?? ''}`;
}

export const count = (value: number): string => value.toString().replace(/\B(?=(\d{3})+$)/g, ',');

export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`;
}

/** With a capital at the beginning, as a line of its own has it. */
export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

export const sentence = (text: string): string => /[.!?]$/.test(text) ? text : `${text}.`;

export function ago(then: number, now: number): string {
  const minutes = Math.floor((now - then) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  const days = Math.floor(minutes / (24 * 60));
  return days === 1 ? 'yesterday' : `${days} days ago`;
}

/** A Markdown fence longer than any run of backticks in the code. */
export function fence(language: string, code: string): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map((match) => match[0].length));
  const marks = '`'.repeat(longest + 1);
  return `${marks}${language}\n${code.replace(/\n$/, '')}\n${marks}`;
}
