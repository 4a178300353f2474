// The certified OpenID Connect provider `oidc-provider`, with a client of each kind; run by tests/servers/oidc.py.
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, port] = process.argv.slice(2);
const found = createRequire(`${modules}/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(found).href);

const key = (kind, options, kid) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), kid, use: 'sig',
});
const groups = { ada: ['dev', 'dba'], ann: ['dev'], bob: ['dba'], 'agent-7': ['agents'] };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: 'hoopaddon', redirect_uris: ['http://127.0.0.1/callback'], token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
      application_type: 'native' },
    ...['RS256', 'PS256', 'ES256', 'EdDSA', '7'].map((alg) => ({
      client_id: `agent-${alg}`, client_secret: 'not-so-secret', grant_types: ['client_credentials'],
      redirect_uris: [], response_types: [] })),
  ],
  jwks: { keys: [
    key('rsa', { modulusLength: 2048 }, 'rsa'),
    key('ec', { namedCurve: 'P-256' }, 'ec'),
    key('ed25519', {}, 'ed'),
  ] },
  claims: { openid: ['sub', 'groups'] },
  conformIdTokenClaims: false,
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, groups: groups[id] ?? [] }) }),
  extraTokenClaims: (ctx, token) => ({ groups: ['agents'], ...(token.clientId === 'agent-ES256'
    ? { act: { sub: 'planner' } } : {}) }),
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource, client) => ({
        scope: '', audience: 'hoopaddon', accessTokenTTL: Number(new URL(resource).searchParams.get('ttl') ?? 300),
        accessTokenFormat: 'jwt', jwt: { sign: { alg: client.clientId.replace('agent-', '').replace('7', 'RS256') } },
      }),
    },
  },
  cookies: { keys: ['of the tests'] },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
