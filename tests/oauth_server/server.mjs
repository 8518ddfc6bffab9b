// A certified authorization server with rotating refresh tokens, on 127.0.0.1 only.
// The first argument is a JSON object; one line of JSON says where it listens.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { importJWK, jwtVerify } from 'jose';
import { Provider } from 'oidc-provider';

const options = { accessTokenTtl: 600, answerDelayMs: 0, serviceKey: null, ...JSON.parse(process.argv[2] ?? '{}') };
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const native = {
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback'], // any port, as RFC 8252 section 7.3 has it
  response_types: ['code'],
};
const provider = new Provider(issuer, {
  clients: [
    {
      ...native,
      client_id: 'public-app',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
    },
    {
      ...native,
      client_id: 'confidential:app', // the colon must be encoded in a Basic header
      client_secret: 'canary+secret/of the app%',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    },
    {
      ...native,
      client_id: 'form-app',
      client_secret: 'canary-secret-in-a-form',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    },
    {
      client_id: 'robot@test',
      token_endpoint_auth_method: 'none',
      redirect_uris: [],
      response_types: [],
      grant_types: [],
    },
  ],
  scopes: ['openid', 'offline_access', 'post.read', 'post.write'],
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  issueRefreshToken: async (ctx, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    userinfo: { enabled: true },
  },
  ttl: {
    AccessToken: options.accessTokenTtl,
    AuthorizationCode: 60,
    ClientCredentials: options.accessTokenTtl,
    DeviceCode: 600,
    Grant: 86400,
    Interaction: 600,
    RefreshToken: 86400,
    Session: 3600,
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  cookies: { keys: ['for tests only'] },
});

const counts = { refreshed: 0, refused: 0, revoked: 0, requests: 0 };
const isRefresh = (ctx) => ctx.oidc.params?.grant_type === 'refresh_token';
provider.on('grant.success', (ctx) => { if (isRefresh(ctx)) counts.refreshed += 1; });
provider.on('grant.error', (ctx) => { if (isRefresh(ctx)) counts.refused += 1; });
provider.on('grant.revoked', () => { counts.revoked += 1; });

// A signed assertion as the grant itself (RFC 7523 section 2.1), which the provider lacks.
async function tradeAssertion(request, response) {
  const form = new URLSearchParams(await text(request));
  response.setHeader('content-type', 'application/json');
  try {
    if (form.get('grant_type') !== JWT_BEARER) throw new Error('wrong grant_type');
    const key = await importJWK(options.serviceKey, 'RS256');
    const { payload } = await jwtVerify(form.get('assertion'), key, {
      algorithms: ['RS256'], issuer: 'robot@test', audience: `${issuer}/assertion`, maxTokenAge: '1h',
    });
    const client = await provider.Client.find(payload.iss);
    const token = new provider.ClientCredentials({ client, scope: payload.scope });
    const access_token = await token.save();
    response.end(JSON.stringify({ access_token, token_type: 'Bearer', expires_in: token.expiration, scope: payload.scope }));
  } catch (error) {
    response.statusCode = 400;
    response.end(JSON.stringify({ error: 'invalid_grant', error_description: error.message }));
  }
}

// What was decided stays decided; only the answer is late.
function answerLate(response) {
  const end = response.end.bind(response);
  response.end = (...body) => { setTimeout(() => end(...body), options.answerDelayMs); return response; };
}

const handle = provider.callback();
server.on('request', (request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (pathname === '/counts') return response.end(JSON.stringify(counts));
  if (pathname === '/assertion') return tradeAssertion(request, response);
  if (pathname === '/token') {
    counts.requests += 1;
    if (options.answerDelayMs) answerLate(response);
  }
  return handle(request, response);
});
console.log(JSON.stringify({ issuer }));
