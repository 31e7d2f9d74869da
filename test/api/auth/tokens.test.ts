import { createServer } from 'node:http'
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import t, { type Test } from 'tap'
import { createAuthenticator } from '../../../src/api/auth/authenticator.js'
import { mintToken } from '../../../src/api/auth/mint.js'
import { SECRET, serve, token, VALID } from '../support.js'

const SEND = '/api/v1/notifications/send'
const secret = (text = SECRET): Uint8Array => new TextEncoder().encode(text)
const CLAIMS = { sub: 'svc', tenant_id: 't1', roles: ['sender'], exp: Math.floor(Date.now() / 1_000) + 600 }

const hs256 = (claims: Record<string, unknown>, key = secret()): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(key)

t.test('a request without a usable token is answered 401, whatever its body', async (t) => {
  const client = await serve(t)
  const { exp: _exp, ...endless } = CLAIMS
  const cases: Record<string, string | null> = {
    'no token': null,
    'not a token': 'abc',
    'alg none': new UnsecuredJWT({ ...CLAIMS }).encode(),
    'another key': await hs256(CLAIMS, secret('another-secret-that-is-long-enough')),
    'another HMAC': await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'HS512' })
      .sign(secret(SECRET + SECRET)),
    expired: await hs256({ ...CLAIMS, exp: Math.floor(Date.now() / 1_000) - 1 }),
    'not yet valid': await hs256({ ...CLAIMS, nbf: Math.floor(Date.now() / 1_000) + 60 }),
    'never expires': await hs256(endless),
    'no subject': await hs256({ ...CLAIMS, sub: undefined }),
    'no tenant': await hs256({ ...CLAIMS, tenant_id: undefined }),
    'a tenant that is no name': await hs256({ ...CLAIMS, tenant_id: 'a\u0000b' }),
    'a tenant that is too long': await hs256({ ...CLAIMS, tenant_id: 'x'.repeat(65) }),
    'no roles': await hs256({ ...CLAIMS, roles: undefined }),
    'roles that are text': await hs256({ ...CLAIMS, roles: 'admin' }),
    'no role of ours': await hs256({ ...CLAIMS, roles: ['root'] }),
    'too long': `e30.${'x'.repeat(9_000)}.x`,
  }
  for (const [name, given] of Object.entries(cases)) {
    const answer = await client.call('POST', SEND, { raw: '{', token: given })
    t.match(answer, { status: 401, body: { code: 'unauthenticated', status: 401 } }, name)
    t.match(answer.headers.get('www-authenticate'), /^Bearer/, name)
    if (given !== null) t.notMatch(JSON.stringify(answer.body), given, `${name}: the token is not echoed`)
  }
  const other = await client.call('POST', SEND, { headers: { authorization: 'Basic YTpi' }, token: null })
  t.equal(other.status, 401)
})

t.test('a key set gives RS256 and ES256, and its public keys never serve as an HMAC secret', async (t) => {
  const issuer = await issue(t)
  const client = await serve(t, {
    authenticator: createAuthenticator({ secret: SECRET, jwksUrl: issuer.url }),
  })
  for (const alg of ['RS256', 'ES256'] as const) {
    const good = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg, kid: alg })
      .sign(issuer.keys[alg].privateKey)
    t.equal((await client.call('POST', SEND, { body: VALID, token: good })).status, 200, alg)
  }
  t.equal((await client.call('POST', SEND, { body: VALID, token: await hs256(CLAIMS) })).status, 200, 'HS256')
  t.equal(issuer.fetched(), 1, 'the key set is read once')

  const pem = await exportSPKI(issuer.keys.RS256.publicKey)
  for (const kid of ['RS256', undefined]) {
    const confused = await new SignJWT(CLAIMS)
      .setProtectedHeader(kid === undefined ? { alg: 'HS256' } : { alg: 'HS256', kid })
      .sign(secret(pem))
    t.match(await client.call('POST', SEND, { body: VALID, token: confused }), { status: 401 })
  }
  const foreign = await generateKeyPair('RS256')
  const forged = await new SignJWT(CLAIMS)
    .setProtectedHeader({ alg: 'RS256', kid: 'RS256' })
    .sign(foreign.privateKey)
  t.match(await client.call('POST', SEND, { body: VALID, token: forged }), { status: 401 })
  const unknown = await new SignJWT(CLAIMS)
    .setProtectedHeader({ alg: 'RS256', kid: 'x' })
    .sign(foreign.privateKey)
  t.match(await client.call('POST', SEND, { body: VALID, token: unknown }), { status: 401 })
})

t.test('without a key set RS256 is refused, without a secret HS256 is', async (t) => {
  const issuer = await issue(t)
  const rs256 = await new SignJWT(CLAIMS)
    .setProtectedHeader({ alg: 'RS256', kid: 'RS256' })
    .sign(issuer.keys.RS256.privateKey)
  const byset = createAuthenticator({ secret: null, jwksUrl: issuer.url })
  await t.rejects(createAuthenticator({ secret: SECRET, jwksUrl: null }).verify(rs256), {
    code: 'unauthenticated',
  })
  await t.rejects(byset.verify(await hs256(CLAIMS)), { code: 'unauthenticated' })
  t.match(await byset.verify(rs256), { subject: 'svc', tenantId: 't1', roles: ['sender'] })
})

t.test('a key set that cannot be read is our fault, not the token’s', async (t) => {
  const issuer = await issue(t)
  const rs256 = await new SignJWT(CLAIMS)
    .setProtectedHeader({ alg: 'RS256', kid: 'RS256' })
    .sign(issuer.keys.RS256.privateKey)
  const client = await serve(t, {
    authenticator: createAuthenticator({ secret: null, jwksUrl: `${issuer.url}/missing` }),
  })
  const answer = await client.call('POST', SEND, { body: VALID, token: rs256 })
  t.match(answer, { status: 503, body: { code: 'store_unavailable' } })
  t.ok(answer.headers.get('retry-after'))
})

t.test('a verified token is remembered no longer than it is valid', async (t) => {
  let now = Date.now()
  const authenticator = createAuthenticator({ secret: SECRET, jwksUrl: null, now: () => now })
  const short = await hs256({ ...CLAIMS, exp: Math.floor(now / 1_000) + 60 })
  const first = await authenticator.verify(short)
  t.equal(await authenticator.verify(short), first, 'the same identity is given again')
  now += 61_000
  await t.rejects(authenticator.verify(short), { code: 'unauthenticated' })
})

t.test('a minted token is what the authenticator accepts', async (t) => {
  const authenticator = createAuthenticator({ secret: SECRET, jwksUrl: null })
  const before = Date.now()
  const minted = await mintToken(SECRET, {
    subject: 'u1',
    tenantId: 't1',
    roles: ['user', 'admin'],
    expiresInSeconds: 3_600,
  })
  const identity = await authenticator.verify(minted)
  t.match(identity, { subject: 'u1', tenantId: 't1', roles: ['user', 'admin'] })
  t.ok(identity.expiresAt > before + 3_598_000 && identity.expiresAt <= Date.now() + 3_600_000)
})

t.test('roles and tenants are kept apart on every route', async (t) => {
  const client = await serve(t)
  const user = await token('u1', 't1', ['user'])
  const sender = await token('svc', 't1', ['sender'])
  const other = await token('svc', 't2', ['sender'])
  const { body } = await client.call('POST', SEND, { body: VALID })
  const id = body !== null && typeof body === 'object' && 'id' in body ? String(body.id) : ''
  const forbidden: [string, string, string, unknown?][] = [
    ['POST', SEND, user, VALID],
    ['POST', '/api/v1/notifications/batch', user, { ...VALID, user_id: undefined, user_ids: ['u1'] }],
    ['POST', '/api/v1/broadcast', user, { tenant_id: 't1', title: 'a', content: 'b' }],
    ['GET', '/api/v1/jobs/job_1', user],
    ['GET', '/api/v1/stats', user],
    ['POST', `/api/v1/notifications/${id}/cancel`, user],
    ['POST', `/api/v1/notifications/${id}/read`, sender],
    ['POST', '/api/v1/users/u1/read_all', sender],
    ['GET', '/api/v1/users/u2/notifications', user],
    ['GET', '/api/v1/users/u2/unread_count', user],
    ['POST', '/api/v1/users/u2/read_all', user],
    ['POST', SEND, other, VALID],
    ['POST', '/api/v1/broadcast', other, { tenant_id: 't1', title: 'a', content: 'b' }],
  ]
  for (const [method, path, given, body] of forbidden) {
    const answer = await client.call(method, path, { token: given, ...(body === undefined ? {} : { body }) })
    t.match(answer, { status: 403, body: { code: 'forbidden' } }, `${method} ${path}`)
  }
  t.equal((await client.call('GET', `/api/v1/notifications/${id}`)).status, 200)
  for (const given of [other, await token('u2', 't1', ['user']), await token('u1', 't2', ['user'])]) {
    for (const path of [`/api/v1/notifications/${id}`, `/api/v1/notifications/${id}/status`]) {
      t.match(await client.call('GET', path, { token: given }), { status: 404, body: { code: 'not_found' } })
    }
  }
})

/** An issuer with one RSA and one EC key, whose key set is served over HTTP. */
async function issue(t: Test) {
  const keys = { RS256: await generateKeyPair('RS256'), ES256: await generateKeyPair('ES256') }
  const jwks = await Promise.all(
    (['RS256', 'ES256'] as const).map(async (alg) => ({
      ...(await exportJWK(keys[alg].publicKey)),
      alg,
      kid: alg,
      use: 'sig',
    })),
  )
  let fetched = 0
  const server = createServer((request, response) => {
    fetched += 1
    if (request.url !== '/jwks') return response.writeHead(404).end()
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: jwks }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { keys, url: `http://127.0.0.1:${port}/jwks`, fetched: () => fetched }
}
