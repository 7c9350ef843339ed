import type { ReactElement } from 'react';

/** An owl's eye in a square: the mark of Athenic, one weight, made for 16 px and up. */
export function Mark({ size }: { readonly size: number }): ReactElement {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" fill="none" stroke="currentColor" strokeWidth={2}
      strokeLinecap="round" strokeLinejoin="round" aria-hidden>
      <rect x="3" y="3" width="26" height="26" rx="6" />
      <path d="M7 16c2.6-4.6 5.600-6.500 9-6.500s6.400 1.900 9 6.500c-2.600 4.600-5.600 6.500-9 6.500S9.600 20.600 7 16Z" />
      <circle cx="16" cy="16" r="3.200" />
      <path d="M16 12.800v6.400" />
    </svg>
  );
}
