import { lazy, Suspense } from 'react';

const Rich = lazy(() => import('./rich'));
/** Whether a text is meant to be rendered: it opens a tag that we know and closes one. */
export const hasMarkup = (text: string) => /<(p|b|i|a|em|strong|ul|ol|li|table|h[1-6]|code|pre|blockquote|br|div|span)\b[^>]*>/i.test(text) && text.includes('>');

/** A text of a person or a model: rendered where it holds markup, else as it is. */
export function Text({ text, label }: { text: string; label: string }) {
  return hasMarkup(text) ? (
    <Suspense fallback={<p className="break-words whitespace-pre-wrap">{text}</p>}>
      <Rich html={text} label={label} />
    </Suspense>
  ) : (
    <p className="break-words whitespace-pre-wrap">{text}</p>
  );
}
