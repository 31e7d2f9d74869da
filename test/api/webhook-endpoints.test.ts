import t from 'tap'
import { checkWebhookUrl, webhookUrlPolicy } from '../../src/sinks/webhook/url-policy.js'
import { testEndpoints } from '../support/webhook-endpoints.js'
import { message, onlyFor, wrongFields } from './directory-support.js'
import { type CallInit, options, serve, token } from './support.js'

const { a } = await testEndpoints(t)
const { rules } = options()
const policy = webhookUrlPolicy({ allowlist: [], allowPrivate: false })
const client = await serve(t, {
  webhookEndpoints: a.registry,
  suppressions: a.suppressions,
  rules: {
    ...rules,
    checks: {
      ...rules.checks,
      webhook: ({ webhook_url }, prefix) => {
        const wrong = checkWebhookUrl(`${webhook_url}`, policy)
        return wrong === null ? null : { field: `${prefix}/webhook_url`, message: wrong }
      },
    },
  },
})
const PATH = '/api/v1/webhook_endpoints'
const call = async (method: string, path: string, init?: CallInit) => {
  const { status, body } = await client.call(method, `${PATH}${path}`, init)
  return { status, body: Object(body) }
}
let made = 0
const create = async (change: object = {}) => {
  made += 1
  return call('POST', '', { body: { url: `https://hooks.example.org/${made}`, ...change } })
}

t.test('an endpoint is registered, and its secret told once', async (t) => {
  const { status, body } = await create({
    url: 'https://HOOKS.example.org:443/a b#part',
    description: 'Orders',
  })
  t.equal(status, 200)
  t.match(body.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  const { secret: _, ...rest } = body
  t.match(rest, {
    id: /^whe_/,
    url: 'https://hooks.example.org/a%20b',
    description: 'Orders',
    enabled: true,
    disabled_at: null,
    disabled_reason: null,
    secrets: [{ created_at: String, expires_at: null }],
    last_success_at: null,
    last_failure_at: null,
    last_failure: null,
    consecutive_failures: 0,
    failing_since: null,
    created_by: 'svc',
  })
  t.strictSame(await call('GET', `/${body.id}`), { status: 200, body: rest })
})

t.test('what cannot be registered', async (t) => {
  for (const url of [
    'http://127.0.0.1/',
    'http://[::ffff:10.0.0.1]/',
    'ftp://example.org',
    'https://a:b@example.org/',
    '',
    7,
  ])
    t.same(wrongFields({ ...(await create({ url })), headers: new Headers() }), ['/url'], `${url}`)
  const wrong = await create({ url: 'http://localhost./' })
  t.match(message({ ...wrong, headers: new Headers() }), /public address/)
  const { body } = await create()
  t.match(await create({ url: body.url.replace('hooks', 'HOOKS') }), {
    status: 409,
    body: { code: 'conflict' },
  })
  t.equal((await create({ secret: 'whsec_AAAA' })).status, 400)
})

t.test('a list, page by page, oldest first, of one tenant', async (t) => {
  const other = await token('svc', 'other', ['sender'])
  const ids: string[] = []
  for (let n = 0; n < 3; n += 1) {
    const { body } = await call('POST', '', { body: { url: `https://hooks.example.org/${n}` }, token: other })
    ids.push(body.id)
  }
  const first = await call('GET', '?limit=2', { token: other })
  t.match(first.body.webhook_endpoints, [{ id: ids[0] }, { id: ids[1] }])
  t.notMatch(JSON.stringify(first.body), /whsec_/)
  const second = await call('GET', `?limit=2&cursor=${first.body.next_cursor}`, { token: other })
  t.match(second.body, { webhook_endpoints: [{ id: ids[2] }], next_cursor: null })
  t.equal(second.body.webhook_endpoints.length, 1)
  for (const method of ['GET', 'DELETE']) t.equal((await call(method, `/${ids[0]}`)).status, 404, method)
  t.equal((await call('PATCH', `/${ids[0]}`, { body: { enabled: false } })).status, 404)
  t.equal((await call('POST', `/${ids[0]}/rotate`, { body: {} })).status, 404)
})

t.test('what is named is changed, and nothing else', async (t) => {
  const { body } = await create({ description: 'Orders' })
  const { secret: _, updated_at: __, ...rest } = body
  const disabled = await call('PATCH', `/${body.id}`, { body: { enabled: false } })
  t.match(disabled.body, { ...rest, enabled: false, disabled_at: String, disabled_reason: 'manual' })
  const listed = await client.call('GET', `/api/v1/suppressions?channel=webhook&address=${body.url}`)
  t.match(listed.body, { suppressions: [{ address: body.url, reason: 'manual' }] })
  t.match((await call('PATCH', `/${body.id}`, { body: { enabled: true } })).body, rest)
  const moved = await call('PATCH', `/${body.id}`, { body: { url: `${body.url}/new`, description: null } })
  t.match(moved.body, { id: body.id, url: `${body.url}/new`, description: null, enabled: true })
  t.equal(
    (await call('PATCH', `/${body.id}`, { body: { url: 'https://hooks.example.org/a%20b' } })).status,
    409,
  )
  t.equal((await call('PATCH', `/${body.id}`, { body: {} })).status, 400)
  t.equal((await create({ enabled: false })).body.disabled_reason, 'manual')
})

t.test('a secret is replaced, and those before end', async (t) => {
  const { body } = await create()
  const rotate = (change: object = {}) => call('POST', `/${body.id}/rotate`, { body: change })
  const second = await rotate()
  t.not(second.body.secret, body.secret)
  const [, before] = second.body.secrets
  t.ok(Math.abs(Date.parse(before.expires_at) - Date.now() - 86_400_000) < 60_000, 'a day by default')
  const third = await rotate({ overlap: '7d' })
  t.equal(third.body.secrets.length, 3)
  t.equal(third.body.secrets[2].expires_at, before.expires_at, 'what ends earlier does so')
  t.match(await rotate({ overlap: '1h' }), { status: 409, body: { code: 'conflict' } })
  t.equal((await rotate({ overlap: '0m' })).body.secrets.length, 1)
  for (const overlap of ['8d', '169h', '-1h', '1s', '', 7])
    t.same(
      wrongFields({ ...(await rotate({ overlap })), headers: new Headers() }),
      ['/overlap'],
      `${overlap}`,
    )
})

t.test('deleted is deleted', async (t) => {
  const { body } = await create()
  t.equal((await call('DELETE', `/${body.id}`)).status, 204)
  t.equal((await call('GET', `/${body.id}`)).status, 404)
  t.equal((await call('DELETE', `/${body.id}`)).status, 404)
  t.equal((await create({ url: body.url })).status, 200)
})

t.test('for senders and admins', async (t) => {
  const { body } = await create()
  const allowed = { sender: true, admin: true, 'user ada': false }
  for (const [method, path, payload] of [
    ['GET', '', undefined],
    ['POST', '', { url: body.url }],
    ['GET', `/${body.id}`, undefined],
    ['PATCH', `/${body.id}`, { enabled: true }],
    ['POST', `/${body.id}/rotate`, {}],
    ['DELETE', '/whe_none', undefined],
  ] as const)
    await onlyFor(t, client, { method, path: `${PATH}${path}`, body: payload }, allowed)
})
