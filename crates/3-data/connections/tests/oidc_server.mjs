// A real authorization server for the test beside this file: npm's oidc-provider, with one person who always agrees.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [clientId, clientSecret, back] = process.argv.slice(2);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: clientId, client_secret: clientSecret, redirect_uris: [back], response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'client_secret_basic',
    }],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
    interactions: { url: (_, interaction) => `/agree/${interaction.uid}` },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86400, IdToken: 3600, Interaction: 600, RefreshToken: 86400, Session: 86400 },
    cookies: { keys: ['only', 'for', 'this', 'test'] },
    jwks: undefined,
  });
  const answer = provider.callback();
  server.on('request', async (request, response) => {
    if (!request.url.startsWith('/agree/')) return answer(request, response);
    try {
      const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
      if (prompt.name === 'login') {
        return await provider.interactionFinished(request, response, { login: { accountId: 'person' } });
      }
      const grant = grantId ? await provider.Grant.find(grantId)
        : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
      grant.addOIDCScope((prompt.details.missingOIDCScope ?? ['openid']).join(' '));
      const consent = { grantId: await grant.save() };
      await provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  console.log(`ready ${issuer}`);
});
// gone with whoever started it
process.stdin.on('end', () => process.exit(0)).resume();
