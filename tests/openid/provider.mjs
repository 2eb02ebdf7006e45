// A certified OpenID provider (npm oidc-provider) for the tests: it signs everybody in whom the test names.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [modules, callback, ended, back] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(join(modules, 'oidc-provider', 'lib', 'index.js')));

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
// How many seconds its clock is ahead: the tests set it.
const now = Date.now;
let ahead = 0;
Date.now = () => now() + ahead * 1000;
const server = createServer().listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const groups = new Map();
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    clients: [{
      client_id: 'commlog', client_secret: 'a secret of the client', redirect_uris: [callback], response_types: ['code'],
      grant_types: ['authorization_code'], post_logout_redirect_uris: [back], token_endpoint_auth_method: 'client_secret_post',
      backchannel_logout_uri: ended, backchannel_logout_session_required: true,
    }],
    claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'], email: ['email'] },
    features: { backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true }, devInteractions: { enabled: true } },
    ttl: { IdToken: 300 },
    cookies: { keys: ['only for tests'] },
    // Its own refuses addresses of this machine, where Commlog is.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, preferred_username: sub, name: 'Vera Staff', email: `${sub}@bank.example`, groups: groups.get(sub) ?? ['staff'] }),
    }),
  });
  const answer = provider.callback();
  server.on('request', (request, response) => {
    const asked = new URL(request.url, issuer);
    if (asked.pathname === '/test/groups') {
      groups.set(asked.searchParams.get('of'), asked.searchParams.getAll('group'));
      response.end();
    } else if (asked.pathname === '/test/clock') {
      ahead = Number(asked.searchParams.get('ahead'));
      response.end();
    } else answer(request, response);
  });
  console.log(issuer);
});
