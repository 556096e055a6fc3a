import { type ComponentProps, lazy, Suspense } from 'react';

/** The code editor weighs more than most pages: they do not wait for it. */
export const loadCode = () => import('./code');
const Loaded = lazy(() => loadCode().then((module) => ({ default: module.Code })));

export function Code(props: ComponentProps<typeof Loaded>) {
  return (
    <Suspense fallback={<div className="h-18 rounded-md border border-strong/60" />}>
      <Loaded {...props} />
    </Suspense>
  );
}
