import t from 'tap'
import { judgeDue } from '../../../src/model/due-run.js'
import type { RunResult } from '../../../src/model/schedule.js'
import { HOUR_MS, hourly, MESSAGE, MINUTE_MS, testSchedules } from '../../support/schedules.js'

const { pool, schedules, runs, overdue, runsOf } = await testSchedules(t)

const DONE: RunResult = {
  status: 'done',
  notificationId: 'notif_1',
  jobId: null,
  accepted: 1,
  refused: 0,
  error: null,
}

t.afterEach(async () => {
  await pool.query('DELETE FROM schedules')
})

/** Everything that is due, as it is planned. */
const planned = async () => (await runs.due(1_000)).map((due) => ({ due, run: judgeDue(due, MINUTE_MS) }))

t.test('due is what the database says is due, the longest overdue first', async (t) => {
  await overdue(-MINUTE_MS)
  const late = await overdue(1_000)
  const later = await overdue(5_000)
  const paused = await overdue(5_000)
  await schedules.pause('acme', paused.id)
  await pool.query(`UPDATE schedules SET next_run_at = '2020-01-01' WHERE id = $1`, [paused.id])
  const due = await runs.due(10)
  t.same(
    due.map(({ scheduleId }) => scheduleId),
    [later.id, late.id],
  )
  t.match(due[0], { tenantId: 'acme', plannedAt: later.nextRunAt, missed: 'run_once', every: '1h' })
  t.ok(Math.abs((due[0]?.now ?? 0) - Date.now()) < 5_000)
  t.equal((await runs.due(1)).length, 1)
})

t.test('of many instances that find it due, one plans the run', async (t) => {
  const made = await Promise.all(Array.from({ length: 20 }, (_, n) => overdue(1_000 + n)))
  const plans = await Promise.all(Array.from({ length: 5 }, planned))
  const won = await Promise.all(plans.map((plan, n) => runs.plan(n % 2 === 0 ? plan : plan.toReversed())))
  const ids = won.flatMap((ours) => [...ours])
  t.equal(ids.length, 20, 'none twice')
  t.same(new Set(ids), new Set(made.map(({ id }) => id)))
  for (const schedule of made) {
    t.match(await runsOf(schedule), [{ plannedAt: schedule.nextRunAt, status: 'firing', attempt: 0 }])
    t.match(await schedules.find('acme', schedule.id), { nextRunAt: (schedule.nextRunAt ?? 0) + HOUR_MS })
  }
  t.same(await runs.due(10), [])
})

t.test('what was paused, replaced or deleted meanwhile is left alone', async (t) => {
  const [paused, replaced, deleted, moved] = [
    await overdue(1_000),
    await overdue(1_000),
    await overdue(1_000),
    await overdue(1_000),
  ]
  const plan = await planned()
  await schedules.pause('acme', paused.id)
  // At the same time as before: only the revision tells.
  await schedules.replace('acme', replaced.id, hourly({ every: '5m' }), replaced.nextRunAt ?? 0)
  await schedules.remove('acme', deleted.id)
  await pool.query(`UPDATE schedules SET next_run_at = next_run_at + interval '1 h' WHERE id = $1`, [
    moved.id,
  ])
  t.same(await runs.plan(plan), new Set())
  t.equal((await pool.query('SELECT 1 FROM schedule_runs')).rowCount, 0)
  t.match(
    (await runs.due(10)).map(({ scheduleId }) => scheduleId),
    [replaced.id],
  )
})

t.test('a time that somebody wrote by hand, with microseconds, is planned as well', async (t) => {
  const schedule = await overdue(1_000)
  await pool.query(`UPDATE schedules SET next_run_at = '2026-01-01T00:00:00.123456Z' WHERE id = $1`, [
    schedule.id,
  ])
  t.same(await runs.plan(await planned()), new Set([schedule.id]))
})

t.test('a time that has had its run gets no other', async (t) => {
  const schedule = await overdue(1_000)
  await runs.plan(await planned())
  await schedules.replace('acme', schedule.id, schedule, schedule.nextRunAt ?? 0)
  t.same(await runs.plan(await planned()), new Set())
  t.equal((await runsOf(schedule)).length, 1)
  t.same(await runs.due(10), [], 'and goes on')
})

t.test('in the nights when clocks change, a time of day runs once', async (t) => {
  const nights: [string, string, string[]][] = [
    ['30 2 * * *', '2024-03-09T07:30Z', ['2024-03-09T07:30Z', '2024-03-10T07:00Z', '2024-03-11T06:30Z']],
    ['30 1 * * *', '2024-11-02T05:30Z', ['2024-11-02T05:30Z', '2024-11-03T05:30Z', '2024-11-04T06:30Z']],
  ]
  for (const [cron, from, times] of nights) {
    const startsAt = Date.parse(from)
    const timing = { cron, every: null, timezone: 'America/New_York', startsAt }
    const schedule = await schedules.create('acme', 'svc', hourly(timing), startsAt)
    for (const _ of times) {
      const due = await runs.due(1)
      await runs.plan(due.map((one) => ({ due: one, run: judgeDue(one, Number.POSITIVE_INFINITY) })))
    }
    const planned = (await runsOf(schedule)).map(({ plannedAt }) => plannedAt)
    t.same(
      planned,
      times.map((time) => Date.parse(time)).sort((a, b) => b - a),
    )
    await schedules.remove('acme', schedule.id)
  }
})

t.test('the end, a miss and a failure are written down', async (t) => {
  const ending = await overdue(1_000, { endsAt: Date.now() + MINUTE_MS })
  const skipped = await overdue(2.5 * HOUR_MS, { missed: 'skip' })
  const broken = await overdue(1_000, { timezone: 'Mars/Olympus' })
  await runs.plan(await planned())
  t.match(await schedules.find('acme', ending.id), { nextRunAt: null, paused: false })
  t.match(await runsOf(ending), [{ status: 'firing' }])
  t.match(await runsOf(skipped), [{ status: 'missed', plannedAt: skipped.nextRunAt, firedAt: null }])
  t.ok(((await schedules.find('acme', skipped.id))?.nextRunAt ?? 0) > Date.now())
  t.match(await runsOf(broken), [{ status: 'failed', error: /timezone/ }])
  t.match(await schedules.find('acme', broken.id), { nextRunAt: null })
  t.equal((await runs.lease(10, MINUTE_MS)).length, 1, 'only one of them is fired')
})

t.test('a run is leased to one instance, and to another when that does not come back', async (t) => {
  const made = await Promise.all(Array.from({ length: 6 }, () => overdue(1_000)))
  await runs.plan(await planned())
  const leased = (await Promise.all([4, 4, 4].map((limit) => runs.lease(limit, MINUTE_MS)))).flat()
  t.equal(leased.length, 6)
  t.same(new Set(leased.map(({ scheduleId }) => scheduleId)), new Set(made.map(({ id }) => id)))
  t.match(leased[0], { tenantId: 'acme', attempt: 1, message: MESSAGE })
  t.same(await runs.lease(4, MINUTE_MS), [])
  const [lost] = leased
  if (lost === undefined) return t.fail('nothing was leased')
  await pool.query(`UPDATE schedule_runs SET lease_until = now() - interval '1 s' WHERE schedule_id = $1`, [
    lost.scheduleId,
  ])
  const [again] = await runs.lease(4, MINUTE_MS)
  t.match(again, { ...lost, attempt: 2, lateMs: Number })
  t.equal(await runs.record(lost, { ...DONE, notificationId: 'notif_late' }), false, 'it comes too late')
  t.equal(again && (await runs.record(again, DONE)), true)
  t.equal(again && (await runs.record(again, DONE)), false, 'it is over')
  const schedule = made.find(({ id }) => id === lost.scheduleId)
  t.match(schedule && (await runsOf(schedule)), [
    {
      status: 'done',
      attempt: 2,
      notificationId: 'notif_1',
      jobId: null,
      accepted: 1,
      refused: 0,
      error: null,
    },
  ])
})

t.test('a run that is refused for now keeps its lease, and says why', async (t) => {
  const schedule = await overdue(1_000)
  await runs.plan(await planned())
  const [run] = await runs.lease(1, MINUTE_MS)
  if (run === undefined) return t.fail('nothing was leased')
  t.ok(await runs.record(run, { ...DONE, status: 'again', error: 'queue_full: no' }))
  t.match(await runsOf(schedule), [{ status: 'firing', attempt: 1, error: 'queue_full: no' }])
  t.same(await runs.lease(1, MINUTE_MS), [])
})

t.test('a schedule that is deleted takes its runs along', async (t) => {
  const schedule = await overdue(1_000)
  await runs.plan(await planned())
  const [run] = await runs.lease(1, MINUTE_MS)
  await schedules.remove('acme', schedule.id)
  t.equal(run && (await runs.record(run, DONE)), false)
})

t.test('the last thousand runs are kept, and what is under way', async (t) => {
  const [schedule, other] = [await overdue(1_000), await overdue(-MINUTE_MS)]
  const fill = (id: string, count: number) =>
    pool.query(
      `INSERT INTO schedule_runs (schedule_id, planned_at, status)
        SELECT $1, to_timestamp(1600000000 + n), CASE WHEN n = 1 THEN 'firing' ELSE 'done' END
        FROM generate_series(1, $2::int) AS n`,
      [id, count],
    )
  const count = async (id: string, status: string) =>
    (await pool.query('SELECT 1 FROM schedule_runs WHERE schedule_id = $1 AND status = $2', [id, status]))
      .rowCount
  await Promise.all([fill(schedule.id, 1_001), fill(other.id, 1_001)])
  t.same(await runs.plan(await planned()), new Set([schedule.id]))
  t.equal(await count(schedule.id, 'done'), 999)
  t.equal(await count(schedule.id, 'firing'), 2)
  t.equal(await count(other.id, 'done'), 1_000)
  await pool.query(`UPDATE schedule_runs SET status = 'done'`)
  t.ok(await schedules.runNow('acme', schedule.id), 'a run by hand counts as well')
  t.equal(await count(schedule.id, 'done'), 999)
})
