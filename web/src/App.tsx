import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { CatchBoundary, RouterProvider } from '@tanstack/react-router';
import { ApiError } from './api/client';
import { StepUp } from './layout/StepUp';
import { router } from './router';
import { SignedIn } from './session';
import { Failed, Skeleton } from './ui/state';
import { TipProvider } from './ui/tip';
import { Toasts } from './ui/toast';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      // A refusal does not become a yes by asking again; a server that is away may come back.
      retry: (count, error) => count < 3 && (!(error instanceof ApiError) || error.problem.status === 0 || error.problem.status >= 502),
    },
  },
});

export default function App() {
  return (
    // What a page's own boundary does not catch is said too, instead of an empty window.
    <CatchBoundary getResetKey={() => 'app'} errorComponent={({ error, reset }) => <div className="p-6"><Failed error={error} retry={reset} /></div>}>
      <QueryClientProvider client={client}>
        <TipProvider>
          <SignedIn waiting={<Skeleton rows={8} />}>
            <RouterProvider router={router} />
            <StepUp />
          </SignedIn>
          <Toasts />
        </TipProvider>
      </QueryClientProvider>
    </CatchBoundary>
  );
}
