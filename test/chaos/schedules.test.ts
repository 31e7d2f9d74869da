import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { RunAnswer, ScheduleAnswer } from '../../src/api/schemas/schedules.js'
import type { JsonObject } from '../../src/model/json.js'
import { addressOf } from '../../src/state/postgres/connection.js'
import { answerSlowly, FILE_TIMEOUT_MS, KILLS } from '../support/chaos.js'
import { checkLog, MARK } from '../support/marks.js'
import { WebhookReceiver } from '../support/receivers.js'
import { startHasty } from '../support/stack.js'
import { startTimeTravel } from '../support/time-travel.js'
import { eventually } from '../support/waiting.js'

t.setTimeout(FILE_TIMEOUT_MS)

const SLOTS = 20
const SCHEDULES = 10
const MINUTES = 2 * KILLS
const MINUTE_MS = 60_000
const SHORTLY_BEFORE_MS = 300
/** As long as an instance has a run to itself. */
const RUN_LEASE_MS = 60_000
/** How many runs an instance fires at once. */
const RUNS_AT_ONCE = 4
const BATCH = 50

const time = await startTimeTravel(t, Date.parse('2031-06-11T06:00:10Z'))
const one = await startHasty(t, time.stack, { slots: SLOTS, timeout: 5 })
const two = await startHasty(t, time.stack, { slots: SLOTS, timeout: 5 })
const [service, other] = await Promise.all([one.sender(), two.sender()])
const nextMinute = (): number => Math.ceil(time.now() / MINUTE_MS) * MINUTE_MS
const iso = (instant: number): string => new Date(instant).toISOString()

async function create(name: string, timing: JsonObject, message: JsonObject): Promise<string> {
  const { status, text, body } = await other.post<ScheduleAnswer>('/api/v1/schedules', {
    tenant_id: other.caller.tenantId,
    name,
    ...timing,
    message: { title: `${MARK} title`, content: `${MARK} content`, ...message },
  })
  if (status !== 200) throw new Error(text)
  return body.id
}

async function runsOf(id: string): Promise<readonly RunAnswer[]> {
  const { body } = await other.get<{ runs: RunAnswer[] }>(`/api/v1/schedules/${id}/runs?limit=100`)
  return body.runs.reverse()
}

const allRuns = async (ids: readonly string[]): Promise<readonly RunAnswer[]> =>
  (await Promise.all(ids.map(runsOf))).flat()

/** Schedules that run every minute, each for a user of its own: the times of their runs are known beforehand. */
async function everyMinute(prefix: string, { target }: WebhookReceiver) {
  const first = nextMinute() + MINUTE_MS
  const planned = Array.from({ length: MINUTES }, (_, n) => first + n * MINUTE_MS)
  const timing = { every: '1m', starts_at: iso(first), ends_at: iso(first + (MINUTES - 1) * MINUTE_MS) }
  const users = Array.from({ length: SCHEDULES }, (_, n) => `${prefix}-${n}`)
  const ids = await Promise.all(users.map((user_id) => create(user_id, timing, { ...target, user_id })))
  return { planned, users, ids }
}

/** Every run there is, once, and one notification of each. */
async function audit(
  t: Test,
  { planned, users, ids }: Awaited<ReturnType<typeof everyMinute>>,
  receiver: WebhookReceiver,
): Promise<void> {
  for (const id of ids) {
    const runs = await runsOf(id)
    t.same(
      runs.map(({ planned_at }) => planned_at),
      planned.map(iso),
    )
    t.same(new Set(runs.map(({ status, accepted }) => `${status} ${accepted}`)), new Set(['done 1']))
  }
  await receiver.until(() => receiver.counts.size >= users.length * planned.length, 'all of them')
  const sent = (await Promise.all(users.map((user) => other.all(user, 'webhook')))).flat()
  t.equal(sent.length, users.length * planned.length, 'one notification for each run')
  t.same(sent.filter(({ id }) => receiver.times(id) === 0).length, 0, 'all were received')
  t.equal(receiver.counts.size, sent.length, 'and nothing else')
}

t.test('two instances: every run is fired once', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const schedules = await everyMinute('twice', receiver)
  for (const [n, minute] of schedules.planned.entries()) {
    await time.to(minute - SHORTLY_BEFORE_MS)
    await receiver.until(() => receiver.counts.size >= (n + 1) * SCHEDULES, `the runs of ${iso(minute)}`)
  }
  const recorded = async () => (await allRuns(schedules.ids)).every(({ status }) => status === 'done')
  await eventually(recorded, 'the results to be recorded')
  await audit(t, schedules, receiver)
  t.equal(receiver.duplicates, 0, 'none twice')
  t.same(
    (await allRuns(schedules.ids)).filter(({ attempts }) => attempts !== 1),
    [],
    'none fired again',
  )
  const firedBy = [one, two].map(
    ({ lines }) => lines.filter(({ event }) => event === 'schedule.fired').length,
  )
  t.comment(`fired by one and by the other: ${firedBy}`)
})

t.test('an instance is killed now and then: no run is lost, none comes twice', async (t) => {
  const receiver = await WebhookReceiver.start(t, answerSlowly)
  const schedules = await everyMinute('killed', receiver)
  for (const [n, minute] of schedules.planned.entries()) {
    await time.to(minute - SHORTLY_BEFORE_MS)
    if (n % 2 === 0) {
      // Within the second in which both look.
      await delay(minute - time.now() + Math.random() * 1_000)
      await one.kill9()
      await one.restart()
    }
    const begun = async (): Promise<boolean> => (await allRuns(schedules.ids)).length === (n + 1) * SCHEDULES
    await eventually(begun, `the runs of ${iso(minute)} to begin`)
  }
  await eventually(async () => {
    if ((await allRuns(schedules.ids)).every(({ status }) => status !== 'firing')) return true
    // What was being fired is free when its lease has ended.
    await time.to(time.now() + RUN_LEASE_MS / 10)
    return false
  }, 'every run to be fired')
  await audit(t, schedules, receiver)
  t.ok(receiver.duplicates <= KILLS * SLOTS, `${receiver.duplicates} sent twice, of at most ${KILLS * SLOTS}`)
  const again = (await allRuns(schedules.ids)).filter(({ attempts }) => attempts > 1)
  t.comment(`${again.length} fired again`)
})

t.test('killed while it fires: the other one fires again, and sends only what is missing', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const minute = nextMinute() + MINUTE_MS
  const timing = { every: '1m', starts_at: iso(minute), ends_at: iso(minute + MINUTE_MS / 2) }
  const names = Array.from({ length: SCHEDULES }, (_, n) => `batch-${n}`)
  const usersOf = (name: string) => Array.from({ length: BATCH }, (_, n) => `${name}-${n}`)
  const ids = await Promise.all(
    names.map((name) => create(name, timing, { ...receiver.target, user_ids: usersOf(name) })),
  )
  await two.term()

  const client = new pg.Client(addressOf(time.stack.postgres.connection))
  await client.connect()
  t.teardown(() => client.end())
  await client.query('BEGIN')
  await client.query('LOCK TABLE notifications IN SHARE ROW EXCLUSIVE MODE')
  const beginning = async (): Promise<readonly RunAnswer[]> => {
    const runs = await Promise.all(
      ids.map((id) => service.get<{ runs: RunAnswer[] }>(`/api/v1/schedules/${id}/runs`)),
    )
    return runs.flatMap(({ body }) => body.runs).filter(({ attempts }) => attempts > 0)
  }
  await time.to(minute - SHORTLY_BEFORE_MS)
  await eventually(async () => (await beginning()).length === RUNS_AT_ONCE, 'as many as are fired at once')
  await one.kill9()
  // What it had asked for is done now, and there is nobody to be told.
  await client.query('COMMIT')

  await two.restart()
  const free = SCHEDULES - RUNS_AT_ONCE
  const done = async () => (await allRuns(ids)).filter(({ status }) => status === 'done').length
  await eventually(async () => (await done()) === free, 'those that nobody was firing')
  await time.to(time.now() + RUN_LEASE_MS)
  await eventually(async () => (await done()) === SCHEDULES, 'the others')
  const runs = await allRuns(ids)
  t.equal(runs.filter(({ attempts }) => attempts === 2).length, RUNS_AT_ONCE, 'fired again')
  t.same(new Set(runs.map(({ accepted, refused }) => `${accepted} ${refused}`)), new Set([`${BATCH} 0`]))
  await receiver.until(() => receiver.counts.size >= SCHEDULES * BATCH, 'all of them')
  const sent = (await Promise.all(names.flatMap(usersOf).map((user) => other.all(user, 'webhook')))).flat()
  t.equal(sent.length, SCHEDULES * BATCH, 'one notification for each user')
  t.equal(receiver.duplicates, 0, 'none twice')
})

t.test('the log', async (t) => checkLog(t, one, two))
