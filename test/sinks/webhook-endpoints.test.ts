import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { DeliveryFailure } from '../../src/model/outcome.js'
import type { WebhookEndpoint } from '../../src/sinks/webhook/endpoints.js'
import { hexSignature, signingKey } from '../../src/sinks/webhook/signature.js'
import { WebhookSink } from '../../src/sinks/webhook/webhook.js'
import { aNotification } from '../support/notification.js'
import { Gate } from '../support/waiting.js'
import { closedPort, type Received, receive } from './webhook-receiver.js'

const COMMON = ['a plain secret', `whsec_${randomBytes(24).toString('base64')}`]
const never = new AbortController().signal
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`
const until = (secret: string | null, expiresAt: number | null = null) => ({ secret, expiresAt })

/** A sink whose endpoints are these; what it asks and tells is kept. */
function open(t: Test, endpoints: Readonly<Record<string, Partial<WebhookEndpoint>>> = {}) {
  const told: string[] = []
  const asked: string[] = []
  const sink = new WebhookSink({
    secrets: COMMON,
    endpoints: {
      find: async (tenantId, url) => {
        asked.push(`${tenantId} ${url}`)
        const endpoint = endpoints[url]
        return endpoint === undefined ? null : { registered: true, secrets: [], disabled: null, ...endpoint }
      },
      record: (tenantId, url, outcome) => told.push(`${tenantId} ${url} ${outcome}`),
    },
    allowlist: [],
    allowPrivate: true,
    maxResponseBytes: 1_000,
    version: '1.2.3',
  })
  t.teardown(() => sink.close())
  const send = (webhook_url: string) => sink.send(aNotification({ metadata: { webhook_url } }), never)
  const failure = (url: string) =>
    send(url).then(
      () => null,
      (error: unknown) => (error instanceof DeliveryFailure ? error : null),
    )
  return { send, failure, told, asked }
}

function verified({ headers, body }: Received, secret: string): boolean {
  const webhook = secret.startsWith('whsec_') ? new Webhook(secret) : new Webhook(secret, { format: 'raw' })
  const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}`]))
  try {
    webhook.verify(body, texts)
    return true
  } catch {
    return false
  }
}

t.test('a call is signed with every secret that is valid, the newest first', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const [newest, before, expired] = [newSecret(), newSecret(), newSecret()]
  const now = Date.now()
  const { send } = open(t, {
    [`${receiver.origin}/own`]: {
      secrets: [until(newest), until(before, now + 60_000), until(expired, now - 1)],
    },
  })
  await send(`${receiver.origin}/own`)
  await send(`${receiver.origin}/common`)
  const [own, common] = receiver.requests
  if (own === undefined || common === undefined) throw new Error('nothing came')
  for (const secret of [newest, before]) t.equal(verified(own, secret), true)
  for (const secret of [expired, ...COMMON]) t.equal(verified(own, secret), false)
  for (const secret of COMMON) t.equal(verified(common, secret), true)
  t.equal(verified(common, newest), false)
  for (const [request, secret] of [
    [own, newest],
    [common, COMMON[0] ?? ''],
  ] as const) {
    t.equal(`${request.headers['webhook-signature']}`.split(' ').length, 2)
    t.equal(request.headers['x-signature'], hexSignature(signingKey(secret), request.body))
    const unsigned = request.body.replace(/,"signature":"[0-9a-f]{64}"\}$/, '}')
    t.equal(JSON.parse(request.body).signature, hexSignature(signingKey(secret), unsigned))
    t.equal(verified({ ...request, body: `${request.body} ` }, secret), false, 'another body')
  }
})

t.test('an endpoint is found by the canonical spelling of its URL', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const { send, asked, told } = open(t, { [`${receiver.origin}/a%20b?c`]: {} })
  await send(`${receiver.origin.replace('http', 'HTTP')}/x/../a b?c#part`)
  t.same(asked, [`acme ${receiver.origin}/a%20b?c`])
  t.same(told, [`acme ${receiver.origin}/a%20b?c sent`])
})

t.test('what is disabled is not called', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  for (const disabled of ['gone', 'failing', 'manual']) {
    const { failure, told } = open(t, { [`${receiver.origin}/`]: { disabled } })
    t.match(await failure(receiver.origin), { code: 'gone', retryable: false, message: new RegExp(disabled) })
    t.same(told, [])
  }
  t.equal(receiver.sockets.length, 0)
})

t.test('a secret that cannot be read: nothing is signed with another one', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const { failure, told } = open(t, { [`${receiver.origin}/`]: { secrets: [until(null)] } })
  t.match(await failure(receiver.origin), { code: 'not_configured', retryable: true })
  t.same(told, [])
  t.equal(receiver.sockets.length, 0)
})

t.test('a secret before the newest that cannot be read: the call does without it', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const secret = newSecret()
  const { send } = open(t, { [`${receiver.origin}/`]: { secrets: [until(secret), until(null)] } })
  await send(receiver.origin)
  const [request] = receiver.requests
  t.equal(`${request?.headers['webhook-signature']}`.split(' ').length, 1)
  t.equal(request !== undefined && verified(request, secret), true)
})

t.test("time that is lost before an endpoint is known is not the receiver's", async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const told: string[] = []
  const asked = new Gate()
  const answered = new Gate()
  const sink = new WebhookSink({
    secrets: COMMON,
    endpoints: {
      find: async () => {
        asked.open()
        await answered.opened
        return { registered: true, secrets: [], disabled: null }
      },
      record: (_tenantId, _url, outcome) => told.push(outcome),
    },
    allowlist: [],
    allowPrivate: true,
    maxResponseBytes: 1_000,
    version: '1.2.3',
  })
  t.teardown(() => sink.close())
  const time = new AbortController()
  const sending = sink.send(aNotification({ metadata: { webhook_url: receiver.origin } }), time.signal)
  const failed = t.rejects(sending, { code: 'timeout', retryable: true, message: /looked up/ })
  await asked.opened
  time.abort()
  // It does not wait for an answer that may never come.
  await failed
  answered.open()
  t.same(told, [])
  t.equal(receiver.sockets.length, 0)
})

t.test('what is told of registered endpoints, and of others', async (t) => {
  const answers = [200, 410, 500, 429, 404]
  const receiver = await receive(t, (response, { url }) => response.writeHead(Number(url.slice(-3))).end())
  const closed = `http://127.0.0.1:${await closedPort()}/`
  const urls = [...answers.map((status) => `${receiver.origin}/${status}`), closed]
  const registered = open(t, Object.fromEntries(urls.map((url) => [url, {}])))
  const others = open(t)
  for (const url of urls) {
    await registered.failure(url)
    await others.failure(url)
  }
  t.same(
    registered.told.map((line) => line.split(' ').at(-1)),
    ['sent', 'gone', 'unavailable', 'rejected', 'connection_failed'],
    'that it throttles does not speak against it',
  )
  t.same(others.told, [`acme ${receiver.origin}/410 gone`])
})

t.test('the receiver is not told how it was addressed', async (t) => {
  const receiver = await receive(t, (response) => response.end())
  const sink = open(t)
  await sink.send(receiver.origin)
  t.same(JSON.parse(receiver.requests[0]?.body ?? '').metadata, {})
})
