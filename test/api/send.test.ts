import { createConnection } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { Failure } from '../../src/model/failure.js'
import { memoryPorts } from './memory-ports.js'
import { NOW, options, serve, token, VALID } from './support.js'

const SEND = '/api/v1/notifications/send'
const EMAIL = { ...VALID, channel: 'email', metadata: { email: 'a@example.com' } }
const at = (offsetMs: number): string => new Date(NOW + offsetMs).toISOString()

t.test('a notification is handed to the stream as it was asked for, and answered', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const answer = await client.call('POST', SEND, {
    body: {
      ...EMAIL,
      priority: 'high',
      notification_type: 'billing',
      variables: { user_name: '张三' },
      scheduled_at: '2027-03-01T21:00:00.5+08:00',
      expires_at: at(7_200_000),
    },
    headers: { traceparent },
  })
  t.match(answer, {
    status: 200,
    body: {
      id: /^notif_/,
      status: 'pending',
      created_at: /Z$/,
      reason: 'scheduled',
      deferred_until: at(3_600_500),
    },
  })
  t.same(ports.intake.submitted, [
    {
      tenantId: 't1',
      userId: 'u1',
      channel: 'email',
      priority: 'high',
      notificationType: 'billing',
      templateId: null,
      variables: { user_name: '张三' },
      locale: null,
      title: 'Hello',
      content: 'World',
      metadata: { email: 'a@example.com' },
      attachments: [],
      scheduledAt: NOW + 3_600_500,
      expiresAt: NOW + 7_200_000,
      jobId: null,
      traceparent,
    },
  ])
})

t.test('what is left out has its default; a time just past is now', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  const { title: _title, content: _content, ...rest } = VALID
  const body = { ...rest, template_id: 'tmpl_1', scheduled_at: at(-59_000) }
  const answer = await client.call('POST', SEND, { body, headers: { traceparent: 'nonsense' } })
  t.equal(answer.status, 200)
  t.match(ports.intake.submitted[0], {
    priority: 'medium',
    notificationType: 'activity',
    templateId: 'tmpl_1',
    title: '',
    content: '',
    metadata: {},
    variables: null,
    scheduledAt: null,
    traceparent: null,
  })
})

t.test('what is wrong is named by field, and nothing is handed on', async (t) => {
  const ports = memoryPorts()
  const base = options()
  const rules = { ...base.rules, channels: () => new Set(['email', 'in_app', 'webhook'] as const) }
  const client = await serve(t, { ...ports, rules })
  const cases: [Record<string, unknown>, string, RegExp][] = [
    [{ user_id: undefined }, '/user_id', /required/],
    [{ user_id: '' }, '/user_id', /empty/],
    [{ user_id: 'x'.repeat(65) }, '/user_id', /64/],
    [{ user_id: 'a\nb' }, '/user_id', /control/],
    [{ user_id: 7 }, '/user_id', /string/],
    [{ tenant_id: undefined }, '/tenant_id', /required/],
    [{ channel: 'pigeon' }, '/channel', /email, sms, websocket, webhook, in_app, push/],
    [{ channel: 'websocket' }, '/channel', /not open/],
    [{ priority: 'urgent' }, '/priority', /low, medium, high, critical/],
    [{ notification_type: 'Billing!' }, '/notification_type', /a-z/],
    [{ title: undefined }, '/title', /required without template_id/],
    [{ content: undefined }, '/content', /required without template_id/],
    [{ title: undefined, content: undefined }, '/content', /required/],
    [{ title: '' }, '/title', /empty/],
    [{ title: 'a\r\nBcc: b@example.com' }, '/title', /one line/],
    [{ title: 'a\u2028b' }, '/title', /one line/],
    [{ title: 'x'.repeat(256) }, '/title', /255/],
    [{ content: 'x'.repeat(100_001) }, '/content', /100000/],
    [{ metadata: [] }, '/metadata', /object/],
    [{ metadata: { a: 'x'.repeat(17_000) } }, '/metadata', /16384/],
    [{ variables: 'x' }, '/variables', /object/],
    [{ titel: 'x' }, '/titel', /not a known field/],
    [{ 'a/b~c': 1 }, '/a~1b~0c', /not a known field/],
    [{ title: 'a\u0000b' }, '/title', /U\+0000/],
    [{ content: 'half \ud83d' }, '/content', /surrogate/],
    [{ metadata: { list: [{ deep: 'a\u0000' }] } }, '/metadata/list/0/deep', /U\+0000/],
    [{ variables: { 'k\u0000': 1 } }, '/variables', /U\+0000/],
    [{ metadata: { 'k\udc00': 1 } }, '/metadata', /surrogate/],
    [{ scheduled_at: 'tomorrow' }, '/scheduled_at', /RFC 3339/],
    [{ scheduled_at: '2027-03-02T12:00:00' }, '/scheduled_at', /RFC 3339/],
    [{ scheduled_at: '2027-02-29T12:00:00Z' }, '/scheduled_at', /RFC 3339/],
    [{ scheduled_at: '2027-04-31T12:00:00Z' }, '/scheduled_at', /RFC 3339/],
    [{ scheduled_at: '2027-03-02T24:00:00Z' }, '/scheduled_at', /RFC 3339/],
    [{ scheduled_at: 1_900_000_000 }, '/scheduled_at', /string/],
    [{ scheduled_at: at(-61_000) }, '/scheduled_at', /past/],
    [{ scheduled_at: at(11 * 366 * 86_400_000) }, '/scheduled_at', /ten years/],
    [{ expires_at: at(0) }, '/expires_at', /future/],
    [{ scheduled_at: at(1_000), expires_at: at(1_000) }, '/expires_at', /later than scheduled_at/],
  ]
  for (const [change, field, message] of cases) {
    const answer = await client.call('POST', SEND, { body: { ...VALID, ...change } })
    t.match(answer, { status: 400, body: { code: 'validation_failed', status: 400 } }, `${field} ${message}`)
    t.match(JSON.stringify(answer.body), new RegExp(`"field":"${field}"`), field)
    t.match(JSON.stringify(answer.body), message, `${field} ${message}`)
    t.match(answer.headers.get('content-type'), /^application\/problem\+json/)
  }
  for (const body of [[], 'text', 5, null, true]) {
    t.match(await client.call('POST', SEND, { body }), { status: 400, body: { code: 'validation_failed' } })
  }
  t.match(await client.call('POST', SEND), { status: 400, body: { code: 'validation_failed' } })
  t.same(ports.intake.submitted, [])
})

t.test(
  'an address that cannot be used is named; one that is not given may be in the directory',
  async (t) => {
    const client = await serve(t)
    for (const [channel, field] of [
      ['email', '/metadata/email'],
      ['webhook', '/metadata/webhook_url'],
    ]) {
      const metadata = { email: 5, webhook_url: 5 }
      t.match(await client.call('POST', SEND, { body: { ...VALID, channel, metadata } }), {
        status: 400,
        body: { code: 'invalid_address', errors: [{ field }] },
      })
      t.match(await client.call('POST', SEND, { body: { ...VALID, channel } }), { status: 200 })
    }
  },
)

t.test('bodies that are not what they should be are refused, and the server lives', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  const deep = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`
  const many = JSON.stringify({ ...VALID, variables: { list: Array(100_001).fill(0) } })
  const unknown = JSON.stringify(Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`k${n}`, 0])))
  const cases: [string, string | Uint8Array, number, string][] = [
    ['no JSON', '{"tenant_id":', 400, 'malformed_body'],
    ['__proto__', '{"tenant_id":"t1","__proto__":{"admin":true}}', 400, 'malformed_body'],
    ['deep __proto__', '{"metadata":{"a":[{"__proto__":1}]}}', 400, 'malformed_body'],
    ['escaped __proto__', '{"metadata":{"\\u005f_proto__":1}}', 400, 'malformed_body'],
    ['constructor', '{"constructor":{"prototype":{"x":1}}}', 400, 'malformed_body'],
    ['100 000 deep', deep(100_000), 400, 'validation_failed'],
    ['100 000 deep objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 400, 'validation_failed'],
    ['deep metadata', `{"metadata":${deep(33)}}`, 400, 'validation_failed'],
    ['100 001 values', many, 400, 'validation_failed'],
    ['60 000 unknown fields', unknown, 400, 'validation_failed'],
    ['not UTF-8', Buffer.from('{"title":"\xb4\xf3"}', 'latin1'), 400, 'malformed_body'],
    ['2 MB', JSON.stringify({ ...VALID, content: 'x'.repeat(2 * 1024 * 1024) }), 413, 'payload_too_large'],
  ]
  for (const [name, raw, status, code] of cases) {
    const answer = await client.call('POST', SEND, { raw })
    t.match(answer, { status, body: { code, status } }, name)
    t.ok(JSON.stringify(answer.body).length < 10_000, `${name}: the answer is short`)
  }
  const text = await client.call('POST', SEND, { raw: 'x', headers: { 'content-type': 'text/plain' } })
  t.match(text, { status: 415, body: { code: 'unsupported_media_type' } })
  t.same(ports.intake.submitted, [])
  t.equal((await client.call('POST', SEND, { body: VALID })).status, 200)
})

t.test('any JSON at all gets an answer of the catalogue', async (t) => {
  const client = await serve(t)
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.json().map((json) => `{"metadata":${json}}`),
      ),
      async (raw) => {
        const { status } = await client.call('POST', SEND, { raw })
        return status === 400
      },
    ),
    { numRuns: 200 },
  )
})

t.test('admission is asked before anything is submitted', async (t) => {
  const ports = memoryPorts()
  const full = new Failure('queue_full', 'the queue holds 100000', { retryAfterMs: 4_100 })
  const client = await serve(t, { ...ports, admission: () => full })
  const answer = await client.call('POST', SEND, { body: VALID })
  t.match(answer, { status: 429, body: { code: 'queue_full', detail: 'the queue holds 100000' } })
  t.equal(answer.headers.get('retry-after'), '5')
  t.same(ports.intake.submitted, [])
})

t.test('a refusal of the stream reaches the sender as it is; an accident does not', async (t) => {
  let error: unknown = new Failure('store_unavailable', 'the store is away', { retryAfterMs: 1_000 })
  const intake = { submit: () => Promise.reject(error) }
  const client = await serve(t, { intake })
  const away = await client.call('POST', SEND, { body: VALID })
  t.match(away, { status: 503, body: { code: 'store_unavailable', detail: 'the store is away' } })
  t.equal(away.headers.get('retry-after'), '1')
  error = new Error('password authentication failed for user "svc"')
  const broken = await client.call('POST', SEND, { body: VALID })
  t.match(broken, { status: 500, body: { code: 'internal', instance: /^urn:uuid:/ } })
  t.notMatch(JSON.stringify(broken.body), /password/)
})

t.test('paths and methods that do not exist', async (t) => {
  const client = await serve(t)
  const missing = await client.call('GET', '/api/v1/nothing')
  t.match(missing, { status: 404, body: { code: 'not_found', type: '/docs/errors#not_found' } })
  for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
    const answer = await client.call(method, SEND, { token: null })
    t.match(answer, { status: 405, body: { code: 'method_not_allowed' } }, method)
    t.equal(answer.headers.get('allow'), 'POST')
  }
  t.match(await client.call('GET', '/api/v1/users/%ff/notifications'), { status: 400, body: { status: 400 } })
  t.match(await client.call('GET', `/api/v1/jobs/${'x'.repeat(300)}`), {
    status: 404,
    body: { code: 'not_found' },
  })
  t.match(await client.call('GET', '/api/v1/jobs/%00'), { status: 404 })
  t.match(await client.call('GET', '/api/v1/users/%00/unread_count'), {
    status: 400,
    body: { errors: [{ field: '/user_id' }] },
  })
})

t.test('what is not HTTP is answered with a problem and the connection closed', async (t) => {
  const client = await serve(t)
  const socket = createConnection(Number(new URL(client.url).port), '127.0.0.1')
  let answer = ''
  socket.on('data', (data) => {
    answer += data
  })
  socket.write('NONSENSE\r\n\r\n')
  await new Promise((resolve) => socket.on('close', resolve))
  t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json/)
})

t.test('closing lets a request in flight finish and then closes its connection', async (t) => {
  const arrived = deferred()
  const release = deferred()
  const ports = memoryPorts()
  const intake = {
    submit: async (...args: Parameters<typeof ports.intake.submit>) => {
      arrived.resolve(undefined)
      await release.promise
      return ports.intake.submit(...args)
    },
  }
  let stopping = false
  const client = await serve(t, { intake, isShuttingDown: () => stopping })
  const answer = client.call('POST', SEND, { body: VALID })
  await arrived.promise
  stopping = true
  const closed = client.api.close()
  release.resolve(undefined)
  const { status, headers } = await answer
  t.equal(status, 200)
  t.equal(headers.get('connection'), 'close')
  await closed
  t.equal(client.api.server.listening, false)
})

t.test('a caller may make so many requests a minute, each role its own', async (t) => {
  const client = await serve(t, { limits: { userPerMinute: 2, senderPerMinute: 0 } })
  const [one, two] = [await token('u1', 't1', ['user']), await token('u1', 't2', ['user'])]
  const count = (given: string) => client.call('GET', '/api/v1/users/u1/unread_count', { token: given })
  const first = await count(one)
  t.equal(first.status, 200)
  t.equal(first.headers.get('ratelimit-limit'), '2')
  t.equal(first.headers.get('ratelimit-remaining'), '1')
  t.match(first.headers.get('ratelimit-reset'), /^\d+$/)
  t.equal((await count(one)).status, 200)
  const third = await count(one)
  t.match(third, { status: 429, body: { code: 'rate_limited' } })
  t.match(third.headers.get('retry-after'), /^[1-9]\d?$/)
  t.equal(third.headers.get('ratelimit-remaining'), '0')
  t.equal((await count(two)).status, 200, 'the same name in another tenant is another caller')
  const sender = await client.call('GET', '/api/v1/users/u1/unread_count')
  t.equal(sender.headers.get('ratelimit-limit'), null, 'who is not limited is not counted')
})

function deferred() {
  let resolve: (value: unknown) => void = () => undefined
  const promise = new Promise((done) => {
    resolve = done
  })
  return { promise, resolve }
}
