import { useEffect } from 'react';
import { api, body } from '../../api/client';
import { say, sayError } from '../../ui/toast';

/** What `reason` of a connection that was not made means to a person. */
const REASONS: Record<string, string> = {
  bad_state: 'This connection was finished before, or took longer than ten minutes. Begin again.',
  other_browser: 'This connection was begun in another browser. Begin again in this one.',
  other_session: 'This connection was begun by somebody else, or before you signed in again. Begin again.',
  denied: 'The provider says that it was not allowed.',
  bad_callback: 'What the provider sent back is not right. Begin again.',
  client_refused: 'The provider does not accept the client. Check its id and secret.',
  provider_unavailable: 'The provider does not answer at the moment. Try again later.',
};

function failed(reason: string): void {
  sayError(REASONS[reason] ?? `The account was not connected (${reason}).`);
}

/** Says how it went when a provider has sent the browser back here, and finishes what a session that ran out left open. */
export function useReturned(then: () => void): void {
  useEffect(() => {
    const query = new URLSearchParams(window.location.search);
    const [error, finish] = [query.get('connect_error'), query.get('finish')];
    if (!error && !finish && !query.has('connected')) return;
    window.history.replaceState(window.history.state, '', window.location.pathname);
    if (error) return failed(error);
    if (!finish) return say('The account is connected.');
    const back = Object.fromEntries(new URLSearchParams(finish));
    body(api.GET('/api/v1/oauth/callback', { params: { query: back } as never, headers: { accept: 'application/json' } }))
      .then(() => {
        say('The account is connected.');
        then();
      })
      .catch(sayError);
    // once, when the page opens
  }, []);
}
