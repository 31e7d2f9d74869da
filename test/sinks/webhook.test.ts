import { createHmac, timingSafeEqual } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import type { Notification } from '../../src/model/notification.js'
import { DeliveryFailure } from '../../src/model/outcome.js'
import { type WebhookOptions, WebhookSink } from '../../src/sinks/webhook/webhook.js'
import { aNotification } from '../support/notification.js'
import { closedPort, type Receiver, receive, receiveRaw, until } from './webhook-receiver.js'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const KEY = Buffer.from(SECRET.slice(6), 'base64')
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const never = new AbortController().signal

function open(t: Test, options: Partial<WebhookOptions> = {}): WebhookSink {
  const sink = new WebhookSink({
    secrets: [SECRET],
    endpoints: { find: async () => null, record: () => undefined },
    allowlist: [],
    allowPrivate: true,
    maxResponseBytes: 1_000,
    maxConnectionsPerOrigin: 4,
    version: '1.2.3',
    ...options,
  })
  t.teardown(() => sink.close())
  return sink
}

function notification(url: string | null, changes: Partial<Notification> = {}): Notification {
  return aNotification({
    notificationType: 'billing',
    title: 'Paid – 已付款',
    content: 'Thank "you" \u2028 \ud83d\ude00',
    metadata: {
      ...(url === null ? {} : { webhook_url: url }),
      event_type: 'payment.success',
      order: { id: 7 },
    },
    ...changes,
  })
}

/** What `send` throws. */
async function failure(sink: WebhookSink, url: string | null, signal = never): Promise<DeliveryFailure> {
  try {
    await sink.send(notification(url), signal)
  } catch (error) {
    if (error instanceof DeliveryFailure) return error
    throw error
  }
  throw new Error('it was sent')
}

t.test('what is posted', async (t) => {
  const receiver = await receive(t, (response) => response.writeHead(204).end())
  const before = Math.floor(Date.now() / 1000)
  const message = notification(`${receiver.origin}/hook?key=1#part`, { traceparent: TRACEPARENT })
  t.same(await open(t).send(message, never), { providerId: 'HTTP 204' })
  const [request] = receiver.requests
  t.equal(request?.url, '/hook?key=1')
  const body = JSON.parse(request?.body ?? '')
  t.match(body, { timestamp: Number, signature: /^[0-9a-f]{64}$/ })
  t.ok(body.timestamp >= before && body.timestamp <= Date.now() / 1000)
  t.strictSame(body, {
    event_type: 'payment.success',
    notification_id: message.id,
    title: message.title,
    content: message.content,
    user_id: 'ada',
    tenant_id: 'acme',
    timestamp: body.timestamp,
    metadata: { event_type: 'payment.success', order: { id: 7 } },
    signature: body.signature,
  })
  t.match(request?.headers, {
    'content-type': 'application/json',
    'user-agent': 'notification-service/1.2.3',
    'webhook-id': message.id,
    'webhook-timestamp': String(body.timestamp),
    traceparent: TRACEPARENT,
  })
})

t.test('what is posted without an event type and a trace, and with a trace that is none', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const sink = open(t)
  // Where else somebody could be reached is no concern of the receiver.
  const plain = { metadata: { webhook_url: receiver.origin, email: 'a@example.org', devices: ['x'] } }
  await sink.send(notification(null, plain), never)
  await sink.send(notification(null, { ...plain, traceparent: 'a\r\nx-evil: 1' }), never)
  for (const request of receiver.requests) {
    const body = JSON.parse(request.body)
    t.equal(body.event_type, 'billing')
    t.same(body.metadata, {})
    t.notOk('traceparent' in request.headers)
    t.notOk('x-evil' in request.headers)
  }
  t.equal(receiver.requests.length, 2)
})

t.test('every attempt has the same id', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const sink = open(t)
  const id = 'notif_01957a3c-0000-7000-8000-000000000001'
  for (const attempt of [1, 2]) await sink.send(notification(receiver.origin, { id, attempt }), never)
  const [first, second] = receiver.requests
  t.equal(first?.headers['webhook-id'], id)
  t.equal(second?.headers['webhook-id'], id)
})

t.test('signatures, verified as a receiver would', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  await open(t).send(notification(receiver.origin), never)
  await open(t, { secrets: ['a plain secret'] }).send(notification(receiver.origin), never)
  const [encoded, plain] = receiver.requests

  for (const [request, webhook, key] of [
    [encoded, new Webhook(SECRET), KEY],
    [plain, new Webhook('a plain secret', { format: 'raw' }), Buffer.from('a plain secret')],
  ] as const) {
    const { body, headers } = request ?? { body: '', headers: { 'x-signature': '' } }
    const { 'x-signature': xSignature, ...others } = headers
    const standard = Object.fromEntries(Object.entries(others).map(([name, value]) => [name, String(value)]))
    t.same(webhook.verify(body, standard), JSON.parse(body))
    t.throws(() => webhook.verify(body.replace('Paid', 'Owed'), standard))

    const expected = createHmac('sha256', key).update(body).digest()
    t.ok(timingSafeEqual(Buffer.from(String(xSignature), 'hex'), expected))

    const signed = body.replace(/,"signature":"[0-9a-f]{64}"\}$/, '}')
    t.not(signed, body)
    t.equal(JSON.parse(body).signature, createHmac('sha256', key).update(signed).digest('hex'))
  }
})

t.test('a secret or an allowlist that cannot be used', async (t) => {
  t.throws(() => open(t, { secrets: [''] }), { message: /empty/ })
  t.throws(() => open(t, { secrets: ['whsec_'] }), { message: /base64/ })
  t.throws(() => open(t, { secrets: ['whsec_!!'] }), { message: /base64/ })
  t.throws(() => open(t, { allowlist: ['example.com'] }), { message: /example\.com/ })
})

t.test('the target is the origin', async (t) => {
  const sink = open(t)
  t.equal(sink.target(notification('https://Hooks.example.com:443/a?b')), 'https://hooks.example.com')
  t.equal(sink.target(notification('not a url')), null)
  t.equal(sink.target(notification(null)), null)
})

t.test('what each answer means', async (t) => {
  const cases: [status: number, headers: Record<string, string>, expected: object][] = [
    [301, {}, { code: 'rejected', retryable: false }],
    [304, {}, { code: 'rejected', retryable: false }],
    [400, {}, { code: 'rejected', retryable: true, retryAfterMs: null }],
    [401, {}, { code: 'rejected', retryable: true }],
    [404, { 'retry-after': '9' }, { code: 'rejected', retryable: true, retryAfterMs: null }],
    [408, {}, { code: 'unavailable', retryable: true }],
    [410, {}, { code: 'gone', retryable: false }],
    [425, {}, { code: 'unavailable', retryable: true }],
    [429, { 'retry-after': '120' }, { code: 'throttled', retryable: true, retryAfterMs: 120_000 }],
    [429, {}, { code: 'throttled', retryable: true, retryAfterMs: null }],
    [500, { 'retry-after': '9' }, { code: 'unavailable', retryable: true, retryAfterMs: null }],
    [503, { 'retry-after': '86400' }, { code: 'unavailable', retryable: true, retryAfterMs: 3_600_000 }],
    [503, { 'retry-after': 'whenever' }, { code: 'unavailable', retryable: true, retryAfterMs: null }],
    [599, {}, { code: 'unavailable', retryable: true }],
    [999, {}, { code: 'rejected', retryable: true }],
  ]
  for (const [status, headers, expected] of cases) {
    const receiver = await receive(t, (response) => response.writeHead(status, headers).end('the reason'))
    const failed = await failure(open(t), `${receiver.origin}/hook?token=hidden`)
    t.match(failed, {
      ...expected,
      message: new RegExp(`^127\\.0\\.0\\.1:${receiver.port} answered ${status}`),
    })
    t.notMatch(failed.message, /hidden|hook|reason/)
    t.equal(receiver.requests.length, 1, `${status} is sent once`)
  }
})

t.test('every 2xx is success, whatever it says', async (t) => {
  for (const status of [200, 201, 202, 204, 299]) {
    const receiver = await receive(t, (response) =>
      response.writeHead(status).end(status === 204 ? '' : '{"ok":false}'),
    )
    t.same(await open(t).send(notification(receiver.origin), never), { providerId: `HTTP ${status}` })
  }
})

t.test('a redirect is not followed', async (t) => {
  const inside = await receive(t, (response) => response.end())
  const receiver = await receive(t, (response) => response.writeHead(302, { location: inside.origin }).end())
  t.match(await failure(open(t), receiver.origin), {
    code: 'rejected',
    retryable: false,
    message: /redirects/,
  })
  t.equal(inside.sockets.length, 0)
})

t.test('a receiver that hangs: the signal ends it and closes the socket', async (t) => {
  const receiver = await receive(t, () => {})
  const sink = open(t)
  const late = new AbortController()
  const sent = failure(sink, receiver.origin, late.signal)
  await until(() => receiver.requests.length === 1)
  late.abort(new DOMException('too late', 'TimeoutError'))
  t.match(await sent, { code: 'timeout', retryable: true })
  await until(() => receiver.sockets.every((socket) => socket.destroyed))
  t.same(sink.size, { origins: 0, inUse: 0, idle: 0 })
})

t.test('a signal aborted for another reason', async (t) => {
  const sink = open(t)
  const plain = failure(sink, 'http://127.0.0.1/', AbortSignal.abort())
  t.match(await plain, { code: 'timeout', retryable: true })
  const own = new DeliveryFailure('circuit_open', 'closed', { retryable: true })
  t.equal(await failure(sink, 'http://127.0.0.1/', AbortSignal.abort(own)), own)
})

t.test('an answer that takes too long, without a signal', async (t) => {
  const receiver = await receive(t, () => {})
  t.match(await failure(open(t, { timeoutMs: 50 }), receiver.origin), { code: 'timeout', retryable: true })
})

t.test('no connection', async (t) => {
  const port = await closedPort()
  t.match(await failure(open(t), `http://127.0.0.1:${port}/?token=hidden`), {
    code: 'connection_failed',
    retryable: true,
    message: `the connection to 127.0.0.1:${port} failed (ECONNREFUSED)`,
  })
  const gone = Object.assign(new Error('getaddrinfo ENOTFOUND gone.test'), { code: 'ENOTFOUND' })
  const nameless = open(t, { lookup: async () => Promise.reject(gone) })
  t.match(await failure(nameless, 'https://gone.test/'), {
    code: 'connection_failed',
    retryable: true,
    cause: gone,
  })
  const cut = await receiveRaw(t, (socket) => socket.once('data', () => socket.destroy()))
  t.match(await failure(open(t), cut.origin), { code: 'connection_failed', retryable: true })
})

t.test('an answer that is not usable', async (t) => {
  const smtp = await receiveRaw(t, (socket) => socket.end('220 hidden ESMTP\r\n'))
  const failed = await failure(open(t), smtp.origin)
  t.match(failed, { code: 'unavailable', retryable: true })
  t.notMatch(JSON.stringify({ ...failed, cause: { ...(failed.cause ?? {}) } }), /hidden|\[50,50,48/)
  const long = await receiveRaw(t, (socket) => socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1e6)}\r\n\r\n`))
  t.match(await failure(open(t), long.origin), { code: 'unavailable', retryable: true })
})

t.test('where it must not go', async (t) => {
  const receiver: Receiver = await receive(t, (response) => response.end())
  const refused = { code: 'address_refused', retryable: false }
  const sink = open(t, { allowPrivate: false, lookup: async () => [{ address: '127.0.0.1', family: 4 }] })
  t.match(await failure(sink, `http://inside.test:${receiver.port}/?token=hidden`), {
    ...refused,
    message: `inside.test:${receiver.port} does not lead to a public address`,
  })
  t.match(await failure(sink, `http://0x7f.1:${receiver.port}/`), refused)
  t.match(await failure(sink, `http://[::ffff:127.0.0.1]:${receiver.port}/`), refused)
  t.match(await failure(open(t, { allowlist: ['https://example.com'] }), receiver.origin), refused)
  t.match(await failure(sink, 'ftp://example.com/'), refused)
  t.match(await failure(sink, null), { code: 'invalid_address', retryable: false })
  t.equal(receiver.sockets.length, 0)
})

t.test('the allowlist lets through what is on it', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const sink = open(t, { allowlist: ['http://127.0.0.1:*/hooks/*'] })
  t.match(await failure(sink, `${receiver.origin}/other`), { code: 'address_refused' })
  await sink.send(notification(`${receiver.origin}/hooks/1`), never)
  t.equal(receiver.requests.length, 1)
})

t.test('closing abandons what is under way', async (t) => {
  const receiver = await receive(t, () => {})
  const sink = open(t)
  const sent = failure(sink, receiver.origin)
  await until(() => receiver.requests.length === 1)
  await sink.close()
  t.match(await sent, { code: 'abandoned', retryable: true })
})
