import { Redis } from 'ioredis'
import t from 'tap'
import type { BatchAnswer, JobAnswer } from '../../src/api/schemas/batch.js'
import type { JsonObject } from '../../src/model/json.js'
import { answerSlowly, FILE_TIMEOUT_MS, SCHEDULED } from '../support/chaos.js'
import { Load, outcomes } from '../support/load.js'
import { checkLog } from '../support/marks.js'
import { WebhookReceiver } from '../support/receivers.js'
import { startHasty, startStack } from '../support/stack.js'
import { eventually, Gate } from '../support/waiting.js'

t.setTimeout(FILE_TIMEOUT_MS)

const BATCH = 500
const stack = await startStack(t)
const daemon = await startHasty(t, stack, { slots: 20, timeout: 5 })
const service = await daemon.sender()

async function batch(size: number, message: JsonObject): Promise<string> {
  const user_ids = Array.from({ length: size }, (_, n) => `user-${n}`)
  const body = { ...service.message(message), user_ids }
  return (await service.post<BatchAnswer>('/api/v1/notifications/batch', body)).body.job_id
}

const finished = (jobId: string): Promise<JobAnswer> =>
  eventually(async () => {
    const { body } = await service.get<JobAnswer>(`/api/v1/jobs/${jobId}`)
    return body.progress === 1 && body
  }, 'the job to be done')

t.test('all of Redis is lost, with what is scheduled and what is ready', async (t) => {
  const gate = new Gate()
  const receiver = await WebhookReceiver.start(t, async () => {
    await gate.opened
    return 200
  })
  const due = Date.now() + 3_000 + SCHEDULED
  const scheduled_at = new Date(due).toISOString()
  const later: string[] = []
  for (let n = 0; n < SCHEDULED; n += BATCH)
    later.push(await batch(BATCH, { ...receiver.target, scheduled_at }))
  const now = await batch(100, receiver.target)
  await receiver.until(() => receiver.requests.length === 20, 'as many as there are slots')

  const redis = new Redis(stack.redis.url)
  t.ok((await redis.dbsize()) > 0)
  await redis.flushall()
  await redis.quit()
  gate.open()

  t.match(await finished(now), { statuses: { sent: 100 } })
  for (const job of later) t.match(await finished(job), { statuses: { sent: BATCH } })
  t.equal(receiver.counts.size, SCHEDULED + 100)
  t.equal(receiver.duplicates, 0, 'none twice')
  const [firstScheduled] = receiver.requests.slice(100)
  t.ok(Number(firstScheduled?.at) >= due, 'none early')
})

for (const [how, goes, comes] of [
  ['killed', () => stack.redis.kill(), () => stack.redis.restart()],
  ['hanging', async () => stack.redis.pause(), async () => stack.redis.resume()],
] as const) {
  t.test(`Redis is ${how} for a while`, async (t) => {
    const receiver = await WebhookReceiver.start(t, answerSlowly)
    const load = new Load(service, { ...receiver.target, user_id: how }, 8)
    await load.more(100)
    await goes()
    await load.more(200)
    await comes()
    await load.more(100)
    await load.stop()
    t.same([...load.refusals], [], 'every request was answered with 200')
    t.same(await outcomes(service, how, load.accepted), { sent: load.accepted.size })
    t.equal(receiver.duplicates, 0, 'none twice')
  })
}

t.test('the log', async (t) => checkLog(t, daemon))
