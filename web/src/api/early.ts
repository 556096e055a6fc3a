let begun: Promise<Response> | null = null;

/** Asks who is here while the application is still loading. */
export function begin(): void {
  begun = fetch('/api/v1/me');
  // Whoever takes the answer hears of the failure.
  begun.catch(() => {});
}

/** The answer to that, once; null when nobody asked, or when it was no success. */
export async function early(): Promise<Response | null> {
  const asked = begun;
  begun = null;
  const answer = await asked?.catch(() => null);
  return answer?.ok ? answer : null;
}
