import t from 'tap'
import type { BatchAnswer, JobAnswer } from '../../src/api/schemas/batch.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog } from '../support/marks.js'
import { WebhookReceiver } from '../support/receivers.js'
import { eventually, Gate } from '../support/waiting.js'

const MAX_READY = 30
const daemon = await startDaemon(t, {
  config: {
    queue: { priority: { max_size: MAX_READY } },
    channels: { webhook: { slots: 1, timeout: '20s' } },
    rate_limit: { enabled: false },
  },
  env: { LOG_LEVEL: 'debug', WEBHOOK_ALLOW_PRIVATE: 'true' },
})
const service = await daemon.sender()

t.test('critical overtakes what waits', async (t) => {
  const gate = new Gate()
  const receiver = await WebhookReceiver.start(t, async () => {
    await gate.opened
    return 200
  })
  const first = await service.accepted(receiver.target)
  await receiver.got(first)
  const low: string[] = []
  for (let n = 0; n < 20; n += 1) low.push(await service.accepted({ ...receiver.target, priority: 'low' }))
  const high = await service.accepted({ ...receiver.target, priority: 'high' })
  const critical = await service.accepted({ ...receiver.target, priority: 'critical' })
  gate.open()
  await receiver.until(() => receiver.counts.size === 23, 'all of them')
  t.same(
    receiver.requests.map(({ id }) => id),
    [first, critical, high, ...low],
  )
})

t.test('too much ready: 429, and then on', async (t) => {
  const gate = new Gate()
  const receiver = await WebhookReceiver.start(t, async () => {
    await gate.opened
    return 200
  })
  const accepted: string[] = []
  const refused = await eventually(async () => {
    const answer = await service.send(receiver.target)
    if (answer.status === 429) return answer
    accepted.push(answer.body.id)
    return null
  }, 'a 429')
  t.equal(refused.problem.code, 'queue_full')
  t.ok(Number(refused.headers['retry-after']) >= 1)
  t.equal((await service.send({ channel: 'websocket' })).status, 200, 'the other channels go on')
  t.ok(accepted.length > MAX_READY)
  gate.open()
  const id = await eventually(async () => {
    const answer = await service.send(receiver.target)
    return answer.status === 200 && answer.body.id
  }, 'room again')
  await receiver.until(() => receiver.counts.size === accepted.length + 1, 'all that was accepted')
  t.match(await service.final(id), { status: 'sent' })
  t.equal(receiver.duplicates, 0)
})

t.test('a batch of 1000, and 1001', async (t) => {
  const users = Array.from({ length: 1_001 }, (_, n) => `user-${n}`)
  const batch = (user_ids: string[]) =>
    service.post<BatchAnswer>('/api/v1/notifications/batch', service.message({ user_ids }))
  const tooMany = await batch(users)
  t.equal(tooMany.status, 400)
  t.match(tooMany.problem, { code: 'validation_failed', errors: [{ field: '/user_ids' }] })

  const { status, body } = await batch(users.slice(0, 1_000))
  t.equal(status, 200)
  t.match(body, { total_users: 1_000, accepted: 1_000, refused: [] })
  const { body: job } = await service.get<JobAnswer>(`/api/v1/jobs/${body.job_id}`)
  t.match(job, { progress: 1, status: 'completed', statuses: { sent: 1_000 } })
  t.equal((await service.all('user-999', 'in_app')).length, 1)
})

t.test('a batch shows how far it is', async (t) => {
  const gate = new Gate()
  const receiver = await WebhookReceiver.start(t, async (_, time) => {
    if (receiver.requests.length > 4 && time === 1) await gate.opened
    return 200
  })
  const users = Array.from({ length: 10 }, (_, n) => `user-${n}`)
  const message = { ...service.message(receiver.target), user_ids: users }
  const { body } = await service.post<BatchAnswer>('/api/v1/notifications/batch', message)
  const job = async () => (await service.get<JobAnswer>(`/api/v1/jobs/${body.job_id}`)).body
  await receiver.until(() => receiver.requests.length === 5, 'the fifth')
  const half = await eventually(async () => {
    const now = await job()
    return now.progress > 0.3 && now
  }, 'some progress')
  t.match(half, { status: 'processing', progress: 0.4, statuses: { sent: 4 } })
  gate.open()
  t.match(await eventually(async () => ((await job()).progress === 1 ? job() : null), 'the end'), {
    status: 'completed',
    statuses: { sent: 10 },
  })
})

t.test('fifty requests with one key', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const key = { 'idempotency-key': 'order-7' }
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => service.send({ ...receiver.target, user_id: 'once' }, key)),
  )
  const ids = new Set(answers.map(({ body }) => body.id))
  t.equal(ids.size, 1)
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  const replayed = answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')
  t.equal(replayed.length, 49)
  const [id = ''] = ids
  await service.final(id)
  t.same((await service.all('once', 'webhook')).length, 1)
  t.equal(receiver.requests.length, 1)

  const other = await service.send({ ...receiver.target, user_id: 'twice' }, key)
  t.same([other.status, other.problem.code], [422, 'idempotency_mismatch'])
  const later = await service.send({ ...receiver.target, user_id: 'once' }, key)
  t.equal(later.body.id, id)
  t.equal(later.headers['idempotency-replayed'], 'true')
})

t.test('the log', async (t) => checkLog(t, daemon))
