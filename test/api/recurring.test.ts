import t from 'tap'
import { type FiringPorts, fireRuns } from '../../src/api/requests/recurring.js'
import { Failure, type FailureCode } from '../../src/model/failure.js'
import type { JsonObject } from '../../src/model/json.js'
import type { RunToFire } from '../../src/model/schedule.js'
import { recordLog } from '../support/recorded-log.js'
import { memoryPorts } from './memory-ports.js'
import { NOW, options } from './support.js'

const PLANNED = Date.parse('2027-03-01T09:00:00Z')
const ONE = { user_id: 'ada', channel: 'in_app', title: 'Hello', content: 'Again' }
const { user_id: _, ...REST } = ONE
const MANY = { ...REST, user_ids: ['ada', 'bob', 'cyd'] }

const run = (message: JsonObject, changes: Partial<RunToFire> = {}): RunToFire => ({
  scheduleId: 'sched_1',
  tenantId: 't1',
  plannedAt: PLANNED,
  message,
  ...changes,
})

/** What fires, and what it fires into; users whose name is a code of the catalogue are refused with it. */
function firing(changes: Partial<FiringPorts> = {}) {
  const { intake, jobs } = memoryPorts()
  const refusals = new Map<string, FailureCode>()
  const log = recordLog()
  const fire = fireRuns({
    intake: {
      submit: async (request, key) => {
        const code = refusals.get(request.userId)
        if (code !== undefined) throw new Failure(code, 'no')
        return intake.submit(request, key)
      },
    },
    jobs,
    rules: options().rules,
    admission: () => null,
    log,
    ...changes,
  })
  return { fire, refusals, log, jobs, submitted: intake.submitted }
}

t.test('a run for one user is an ordinary notification', async (t) => {
  const { fire, submitted } = firing()
  t.match(await fire(run({ ...ONE, priority: 'high', variables: { n: 1 } })), {
    status: 'done',
    notificationId: /^notif_/,
    jobId: null,
    accepted: 1,
    refused: 0,
    error: null,
  })
  t.match(submitted, [
    {
      tenantId: 't1',
      userId: 'ada',
      channel: 'in_app',
      priority: 'high',
      title: 'Hello',
      variables: { n: 1 },
    },
  ])
  t.match(submitted[0], { scheduledAt: null, expiresAt: null, jobId: null, traceparent: null })
})

t.test('a run for several is an ordinary batch', async (t) => {
  const { fire, submitted, jobs } = firing()
  const result = await fire(run(MANY))
  t.match(result, { status: 'done', notificationId: null, jobId: /^job_/, accepted: 3, refused: 0 })
  t.equal(jobs.jobs.get(result.jobId ?? '')?.total, 3)
  t.ok(submitted.every(({ jobId }) => jobId === result.jobId))
  const own = await fire(
    run({ ...REST, recipients: [{ user_id: 'ada', variables: { n: 1 } }] }, { scheduleId: 'sched_2' }),
  )
  t.match(own, { status: 'done', accepted: 1 })
  t.match(submitted.at(-1), { userId: 'ada', variables: { n: 1 } })
})

t.test('a run that is fired twice is submitted once, whatever became of its message', async (t) => {
  for (const message of [ONE, MANY]) {
    const { fire, submitted } = firing()
    const first = await fire(run(message))
    const sent = submitted.length
    t.same(await fire(run(message)), first)
    t.same(await fire(run({ ...message, title: 'Changed' })), first)
    t.equal(submitted.length, sent)
    await fire(run(message, { plannedAt: PLANNED + 1 }))
    await fire(run(message, { scheduleId: 'sched_2' }))
    await fire(run(message, { tenantId: 't2' }))
    t.equal(submitted.length, 4 * sent, 'other runs are others')
  }
})

t.test('it expires so long after its run', async (t) => {
  const { fire, submitted } = firing()
  for (const [text, ms] of [
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
  ] as const) {
    await fire(run({ ...ONE, expires_after: text }, { scheduleId: text }))
    t.equal(submitted.at(-1)?.expiresAt, NOW + ms)
  }
})

t.test('what may pass is fired again, what may not has failed', async (t) => {
  const { fire, refusals } = firing()
  for (const [code, status] of [
    ['template_not_found', 'failed'],
    ['variable_missing', 'failed'],
    ['idempotency_mismatch', 'failed'],
    ['queue_full', 'again'],
    ['store_unavailable', 'again'],
    ['shutting_down', 'again'],
  ] as const) {
    for (const name of ['ada', 'bob', 'cyd']) refusals.set(name, code)
    const nobody = { status, notificationId: null, accepted: 0, error: `${code}: no` }
    t.match(await fire(run(ONE)), nobody)
    t.match(await fire(run(MANY)), nobody)
  }
})

t.test('of a batch, those who are refused for now are submitted the next time', async (t) => {
  const { fire, refusals, submitted } = firing()
  refusals.set('bob', 'overloaded')
  refusals.set('cyd', 'variable_missing')
  const first = await fire(run(MANY))
  t.match(first, { status: 'again', accepted: 1, refused: 2, error: '1 overloaded, 1 variable_missing' })
  refusals.delete('bob')
  const second = await fire(run(MANY))
  t.match(second, {
    status: 'done',
    jobId: first.jobId,
    accepted: 2,
    refused: 1,
    error: '1 variable_missing',
  })
  t.same(
    submitted.map(({ userId }) => userId),
    ['ada', 'bob'],
  )
})

t.test('a batch in which all are refused, for different reasons, has failed', async (t) => {
  const { fire, refusals } = firing()
  refusals.set('ada', 'variable_missing')
  refusals.set('bob', 'invalid_address')
  const result = await fire(run({ ...REST, user_ids: ['ada', 'bob'] }))
  t.match(result, { status: 'failed', accepted: 0, refused: 2 })
})

t.test('it waits where nothing is admitted', async (t) => {
  const { fire, submitted } = firing({ admission: () => new Failure('queue_full', 'too much is waiting') })
  t.match(await fire(run(ONE)), { status: 'again', error: 'queue_full: too much is waiting' })
  t.equal(submitted.length, 0)
})

t.test('a message that is not valid any more says why', async (t) => {
  const { rules } = options()
  const { fire } = firing({ rules: { ...rules, channels: () => new Set(['email'] as const) } })
  t.match(await fire(run(ONE)), {
    status: 'failed',
    error: /^validation_failed: \/message\/channel is not open/,
  })
  t.match(await fire(run({ ...ONE, colour: 'red' })), {
    status: 'failed',
    error: 'validation_failed: /message/colour is not a known field',
  })
  const address = { ...ONE, channel: 'email', metadata: { email: 7 } }
  t.match(await fire(run(address)), {
    status: 'failed',
    error: /^invalid_address: \/message\/metadata\/email /,
  })
})

t.test('an accident is ours: it is logged, and tried again', async (t) => {
  const intake = { submit: () => Promise.reject(new TypeError('secret detail')) }
  const { fire, log } = firing({ intake })
  const result = await fire(run(ONE))
  t.match(result, { status: 'again', error: /^internal: / })
  t.notMatch(result.error, /secret/)
  t.match(log.lines, [
    { event: 'schedule.fire_failed', fields: { schedule_id: 'sched_1', err: { message: 'secret detail' } } },
  ])
})
