import { useMemo } from 'react';
import { sanitised } from '../lib/sanitise';

/** Words of a person or a model that hold markup, shown as they are meant: only after our own pass over them. */
export default function Rich({ html, label }: { html: string; label: string }) {
  const clean = useMemo(() => ({ __html: sanitised(html) }), [html]);
  return <div role="document" aria-label={label} className="rich max-h-96 overflow-auto rounded-md border border-line bg-canvas p-3 text-[13px] break-words" tabIndex={0} dangerouslySetInnerHTML={clean} />;
}

