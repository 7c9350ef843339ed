import { useMemo, type ReactElement } from 'react';
import { useObservable } from '../../app/observable';
import { useAthenic } from '../context';

/** No network, no scripts, no forms: what code made is shown as a picture of a page. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:";

/** HTML of a result, in a frame of a unique origin (`sandbox` without a word) that may do nothing but be seen. */
export function HtmlFrame({ html }: { readonly html: string }): ReactElement {
  const layout = useObservable(useAthenic().layout);
  const document = useMemo(() => page(html, layout.dark), [html, layout.dark]);
  return <iframe className="html-frame" sandbox="" srcDoc={document} style={{ height: height(html) }} title="HTML of the result" referrerPolicy="no-referrer" />;
}

function page(html: string, dark: boolean): string {
  const [ink, line, paper] = dark ? ['#eceae3', '#4b483f', '#1b1a17'] : ['#24221d', '#d5d1c5', '#ffffff'];
  return `<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta name="color-scheme" content="${dark ? 'dark' : 'light'}"><style>
body{margin:12px;font:13px/1.5 system-ui,sans-serif;color:${ink};background:${paper}}
table{border-collapse:collapse;border:0;font-variant-numeric:tabular-nums}th,td{padding:4px 10px;border:0;border-bottom:1px solid ${line};text-align:right}
</style></head><body>${html}</body></html>`;
}

/** A frame that runs no script cannot tell its height: guessed from what it holds, and it can be dragged taller. */
function height(html: string): number {
  const blocks = html.match(/<(?:tr|p|h[1-6]|li|div|br|svg|img|pre|hr)\b/gi)?.length ?? 0;
  const drawn = /<(?:svg|img|canvas)\b/i.test(html) ? 240 : 0;
  return Math.min(520, Math.max(96, blocks * 28 + drawn + 40));
}
