import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import type { Json, JsonObject } from '../../src/model/json.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog } from '../support/marks.js'
import { type Received, WebhookReceiver } from '../support/receivers.js'
import { eventually } from '../support/waiting.js'

const PACE = 20
const MINUTE = 60_000
const ENDPOINTS = '/api/v1/webhook_endpoints'
const secret = `whsec_${randomBytes(32).toString('base64')}`
const retry = { delays: ['1s'], jitter: 0 }
const daemon = await startDaemon(t, {
  config: {
    quiet_hours: { enabled: false },
    rate_limit: { enabled: false },
    channels: { webhook: { tries: 1, retry, slots: 4 } },
  },
  env: {
    LOG_LEVEL: 'debug',
    WEBHOOK_SECRET: secret,
    WEBHOOK_ALLOW_PRIVATE: 'true',
    WEBHOOK_PER_URL_PER_MINUTE: `${PACE}`,
    WEBSOCKET_FALLBACK: 'webhook',
  },
})
const service = await daemon.sender()
const register = async (url: string) => Object((await service.post(ENDPOINTS, { url })).body)
const endpoint = async (id: string) => Object((await service.get(`${ENDPOINTS}/${id}`)).body)
const to = (metadata: JsonObject): JsonObject => ({ channel: 'webhook', metadata })

function verified({ headers, body }: Received, key: string): boolean {
  const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}`]))
  try {
    new Webhook(key).verify(body, texts)
    return true
  } catch {
    return false
  }
}

t.test('an endpoint has secrets of its own, by its URL and by its name', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const registered = await register(receiver.url)
  const byUrl = await receiver.got(await service.accepted(receiver.target))
  const byName = await receiver.got(await service.accepted(to({ webhook_endpoint: registered.id })))
  const elsewhere = await receiver.got(await service.accepted(to({ webhook_url: `${receiver.url}/else` })))
  for (const received of [byUrl, byName]) {
    t.equal(verified(received, registered.secret), true)
    t.equal(verified(received, secret), false)
    t.same(JSON.parse(received.body).metadata, {})
  }
  t.equal(verified(elsewhere, secret), true)

  const rotated = Object((await service.post(`${ENDPOINTS}/${registered.id}/rotate`)).body)
  const after = await receiver.got(await service.accepted(receiver.target))
  t.equal(verified(after, rotated.secret) && verified(after, registered.secret), true, 'either will do')
  await eventually(async () => (await endpoint(registered.id)).last_success_at !== null, 'the health')
})

t.test('an endpoint that is not there', async (t) => {
  const other = await daemon.sender('other')
  const theirs = Object((await other.post(ENDPOINTS, { url: 'https://hooks.example.org/' })).body)
  for (const name of ['whe_nobody', theirs.id, 7, ''] as const satisfies readonly Json[])
    t.match(await service.send(to({ webhook_endpoint: name })), {
      status: 400,
      problem: { code: 'invalid_address', errors: [{ field: '/metadata/webhook_endpoint' }] },
    })
})

t.test('410: nothing goes there any more, until the endpoint is enabled', async (t) => {
  const receiver = await WebhookReceiver.start(t, () => 410)
  const registered = await register(receiver.url)
  const sent = await Promise.all(Array.from({ length: PACE }, () => service.send(receiver.target)))
  for (const { status, body } of sent) {
    t.equal(status, 200)
    if (body.status === 'suppressed') continue
    const { reason, attempts } = await service.final(body.id)
    t.equal(reason, 'gone')
    t.equal(attempts.length, 1, 'not tried again')
  }
  t.ok(receiver.requests.length <= 4, `${receiver.requests.length} of ${PACE} called, those under way`)
  await eventually(
    async () => (await endpoint(registered.id)).disabled_reason === 'gone',
    'the endpoint to be gone',
  )
  for (const metadata of [receiver.target.metadata, { webhook_endpoint: registered.id }])
    t.match((await service.send(to(metadata))).body, { status: 'suppressed', reason: 'address_gone' })

  receiver.behaviour = () => 200
  const path = `${ENDPOINTS}/${registered.id}`
  t.match((await service.call('PATCH', path, { enabled: true })).body, { enabled: true, failing_since: null })
  // Of this minute there may be no place left: critical ones do not ask for one.
  const again = await service.accepted({ ...receiver.target, priority: 'critical' })
  t.match(await service.final(again), { status: 'sent' })
})

t.test('what goes beyond the pace of a URL is deferred, not dropped', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const began = Date.now()
  const answers = await Promise.all(Array.from({ length: 5 * PACE + 5 }, () => service.send(receiver.target)))
  t.ok(answers.every(({ status, body }) => status === 200 && body.status === 'pending'))
  const deferred = answers.filter(({ body }) => body.reason !== undefined).map(({ body }) => body)
  t.ok(deferred.every(({ reason, deferred_until }) => reason === 'pace' && deferred_until !== undefined))
  const minutes = new Map<number, number>()
  for (const { deferred_until } of deferred) {
    const at = Date.parse(deferred_until ?? '')
    t.ok(at > began && at <= began + 6 * MINUTE, `${deferred_until}`)
    const minute = Math.floor(at / MINUTE)
    minutes.set(minute, (minutes.get(minute) ?? 0) + 1)
  }
  t.ok(
    [...minutes.values()].every((count) => count <= PACE),
    JSON.stringify([...minutes]),
  )
  const now = answers.length - deferred.length
  t.ok(now >= PACE && now <= 2 * PACE, `${now} at once`)
  await receiver.until(() => receiver.requests.length === now, `${now} requests`)

  const fallback = await service.accepted({
    channel: 'websocket',
    user_id: 'offline',
    metadata: receiver.target.metadata,
  })
  const [taken] = await eventually(async () => {
    const found = await service.all('offline', 'webhook')
    return found.length > 0 && found
  }, 'the fallback')
  t.match(taken, { parent_id: fallback })
  const waits = await eventually(async () => {
    const detail = await service.detail(taken?.id ?? '')
    return detail.reason === 'pace' && detail
  }, 'the fallback to be paced')
  t.equal(waits.status, 'pending')
  t.match((await service.send({ ...receiver.target, priority: 'critical' })).body, {
    status: 'pending',
    reason: undefined,
  })
  const { status, body } = await service.send({
    ...receiver.target,
    tenant_id: 'acme',
    metadata: { webhook_url: `${receiver.url}#x` },
  })
  t.match({ status, body }, { status: 200, body: { reason: 'pace' } }, 'another spelling')
})

t.test('the log', async (t) => checkLog(t, daemon))
