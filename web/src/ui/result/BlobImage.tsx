import { useEffect, useState, type ReactElement } from 'react';

/** A picture from bytes. In an <img> an SVG runs no script and loads nothing. */
export function BlobImage({ blob, alt, testId }: { readonly blob: Blob; readonly alt: string; readonly testId?: string }): ReactElement | null {
  const [url, setUrl] = useState<string>();
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    setBroken(false);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  if (broken) return <p className="notice notice-warning">This picture cannot be shown: its data is damaged.</p>;
  return url === undefined ? null : <img className="picture" src={url} alt={alt} onError={() => setBroken(true)} data-testid={testId} />;
}
