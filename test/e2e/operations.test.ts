import t from 'tap'
import type { StatsAnswer } from '../../src/api/schemas/operations.js'
import { checkLog } from '../support/marks.js'
import { Device, WebhookReceiver } from '../support/receivers.js'
import { startHasty, startStack } from '../support/stack.js'
import { eventually } from '../support/waiting.js'

const stack = await startStack(t)
const [one, two] = await Promise.all([
  startHasty(t, stack, { slots: 20 }),
  startHasty(t, stack, { slots: 20 }),
])
const service = await one.sender()

interface Ready {
  readonly status: string
  readonly checks: Readonly<Record<string, string>>
}
const ready = async () => service.get<Ready>('/ready')
const readiness = (wanted: string) =>
  eventually(async () => {
    const answer = await ready()
    return answer.body.status === wanted && answer
  }, `the service to be ${wanted}`)

t.test('two instances are one service', async (t) => {
  const other = await two.sender()
  const ada = await two.client('ada', ['user'])
  const device = await Device.connect(t, two.url, ada.caller.token)
  const shown = await service.accepted({ channel: 'websocket', user_id: 'ada' })
  await device.got(({ id }) => id === shown, 'what was sent through the other instance')
  const id = await service.accepted({ user_id: 'ada' })
  await device.got(({ type, count }) => type === 'unread_count' && count === 1, 'the count')
  await ada.post(`/api/v1/notifications/${id}/read`)
  t.same((await service.get('/api/v1/users/ada/unread_count')).body, { user_id: 'ada', unread_count: 0 })

  const receiver = await WebhookReceiver.start(t)
  const keys = Array.from({ length: 20 }, (_, n) => `order-${n}`)
  const answers = await Promise.all(
    keys.flatMap((key) =>
      [service, other, service, other].map(async (client) => {
        const { body } = await client.send(receiver.target, { 'idempotency-key': key })
        return [key, body.id] as const
      }),
    ),
  )
  const ids = new Map(answers)
  t.same([...new Set(answers.map((pair) => pair.join()))].length, keys.length, 'one key, one notification')
  for (const id of ids.values()) await service.final(id)
  t.equal(receiver.requests.length, keys.length)
})

t.test('what it tells of itself', async (t) => {
  t.same((await service.get('/health')).body, { status: 'ok' })
  t.same((await ready()).body, { status: 'ready', checks: { postgres: 'up', redis: 'up' } })

  const receiver = await WebhookReceiver.start(t)
  const tenant = await one.sender('measured')
  const ids = await Promise.all(Array.from({ length: 9 }, () => tenant.accepted(receiver.target)))
  await Promise.all(ids.map((id) => tenant.final(id)))
  await tenant.final(await tenant.accepted({ channel: 'websocket', user_id: 'offline' }))
  const { body: stats } = await tenant.get<StatsAnswer>('/api/v1/stats')
  t.match(stats, { tenant_id: 'measured', total: 10, success_rate: 0.9, statuses: { sent: 9, failed: 1 } })
  const webhook = stats.channels.find(({ channel }) => channel === 'webhook')
  t.match(webhook, { total: 9, success_rate: 1 })
  t.ok(Number(webhook?.latency_p50_ms) >= 0)

  const other = await two.sender('measured')
  const texts = await Promise.all([tenant, other].map(async (client) => (await client.get('/metrics')).text))
  const sum = (series: string): number =>
    texts
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.startsWith(`${series} `))
      .reduce((total, line) => total + Number(line.slice(series.length)), 0)
  t.ok(sum('notification_accepted_total{channel="webhook",status="pending"}') >= 9)
  t.ok(sum('notification_sent_total{channel="webhook"}') >= 9)
  t.equal(sum('notification_failed_total{channel="websocket",reason="offline"}'), 1)
  t.ok(sum('notification_delivery_seconds_count{channel="webhook"}') >= 9)
  for (const text of texts) t.notMatch(text, /notif_|measured/, 'no ids in labels')
})

t.test('Redis stops and comes back', async (t) => {
  await stack.redis.kill()
  const { status, body } = await readiness('degraded')
  t.equal(status, 200, 'requests are still welcome')
  t.same(body.checks, { postgres: 'up', redis: 'down' })
  t.match((await service.send({ user_id: 'bob' })).body, { status: 'sent' })
  await stack.redis.restart()
  await readiness('ready')
})

t.test('PostgreSQL stops and comes back', async (t) => {
  await stack.postgres.stop()
  const { status, body } = await readiness('unavailable')
  t.equal(status, 503)
  t.same(body.checks, { postgres: 'down', redis: 'up' })
  const refused = await service.send({})
  t.same([refused.status, refused.problem.code], [503, 'store_unavailable'])
  t.ok(Number(refused.headers['retry-after']) >= 1)
  t.same((await service.get('/health')).status, 200)
  await stack.postgres.restart()
  t.equal((await readiness('ready')).status, 200)
  t.match((await service.send({})).body, { status: 'sent' })
})

t.test('the log', async (t) => checkLog(t, one, two))
