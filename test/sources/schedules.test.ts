import t, { type Test } from 'tap'
import { fireRuns } from '../../src/api/requests/recurring.js'
import { judgeDue } from '../../src/model/due-run.js'
import { Failure } from '../../src/model/failure.js'
import { CHANNELS } from '../../src/model/notification.js'
import type { RunResult, RunToFire } from '../../src/model/schedule.js'
import { type RunnerOptions, type RunnerPorts, ScheduleRunner } from '../../src/sources/schedules.js'
import { createMetrics } from '../../src/telemetry/metrics.js'
import { NO_TRACING } from '../../src/telemetry/tracing.js'
import { memoryPorts } from '../api/memory-ports.js'
import { type RecordedLog, recordLog } from '../support/recorded-log.js'
import { HOUR_MS, MINUTE_MS, testSchedules } from '../support/schedules.js'
import { eventually, Gate, Watch } from '../support/waiting.js'

const { pool, schedules, runs, overdue, runsOf } = await testSchedules(t)

t.afterEach(async () => {
  await pool.query('DELETE FROM schedules')
})

const OPTIONS: RunnerOptions = {
  missedAfterMs: MINUTE_MS,
  intervalMs: 20,
  leaseMs: MINUTE_MS,
  keyTtlMs: 24 * 60 * MINUTE_MS,
  slots: 4,
}

const DONE: RunResult = {
  status: 'done',
  notificationId: 'notif_1',
  jobId: null,
  accepted: 1,
  refused: 0,
  error: null,
}

/** A runner that is stopped with the test, and what it logs. */
function start(
  t: Pick<Test, 'teardown'>,
  ports: Partial<RunnerPorts>,
  options: Partial<RunnerOptions> = {},
): { readonly runner: ScheduleRunner; readonly log: RecordedLog } {
  const log = recordLog()
  const telemetry = { log, metrics: createMetrics(), tracing: NO_TRACING }
  const runner = new ScheduleRunner(
    { runs, fire: async () => DONE, telemetry, ...ports },
    { ...OPTIONS, ...options },
  )
  t.teardown(() => runner.stop())
  runner.start()
  return { runner, log }
}

/** Fires into an intake that knows its idempotency keys, as the real one does. */
function firing() {
  const ports = memoryPorts()
  const fire = fireRuns({
    intake: ports.intake,
    jobs: ports.jobs,
    rules: {
      maxAttachmentBytes: 0,
      channels: () => new Set(CHANNELS),
      checks: {
        email: () => null,
        sms: () => null,
        webhook: () => null,
        websocket: () => null,
        in_app: () => null,
        push: () => null,
      },
      clock: { now: () => Date.now() },
    },
    admission: () => null,
    log: recordLog(),
  })
  return { fire, submitted: ports.intake.submitted }
}

/** Resolves when no run of any schedule is to be fired any more. */
const settled = (runCount: number) =>
  eventually(async () => {
    const { rows } = await pool.query<{ status: string }>('SELECT status FROM schedule_runs')
    return rows.length === runCount && rows.every(({ status }) => status !== 'firing')
  }, `${runCount} runs to be settled`)

t.test('two instances fire each run once', async (t) => {
  const fired: string[] = []
  const ports = {
    fire: async ({ scheduleId }: RunToFire) => {
      fired.push(scheduleId)
      return DONE
    },
  }
  const made = await Promise.all(Array.from({ length: 40 }, (_, n) => overdue(n * 10)))
  const instances = [start(t, ports), start(t, ports)]
  await settled(40)
  await Promise.all(instances.map(({ runner }) => runner.stop()))
  t.same(fired.toSorted(), made.map(({ id }) => id).sort())
  const told = instances.reduce((sum, { log }) => sum + log.count('schedule.fired'), 0)
  t.equal(told, 40)
  for (const schedule of made) {
    t.match(await runsOf(schedule), [{ plannedAt: schedule.nextRunAt, status: 'done', attempt: 1 }])
  }
})

t.test(
  'an instance that is lost before it records leaves the run to another, with the same key',
  async (t) => {
    const { fire, submitted } = firing()
    const schedule = await overdue(0)
    const cutOff = { ...bound(), record: async () => Promise.reject(new Error('cut off')) }
    const first = start(t, { runs: cutOff, fire }, { leaseMs: 300 })
    await first.log.next('schedule.unavailable')
    await first.runner.stop()
    t.equal(submitted.length, 1)
    t.match(await runsOf(schedule), [{ status: 'firing', attempt: 1 }])
    const second = start(t, { fire })
    await second.log.next('schedule.fired')
    t.equal(submitted.length, 1, 'it is submitted once')
    const [run] = await runsOf(schedule)
    t.match(run, { status: 'done', attempt: 2, notificationId: /^notif_/, accepted: 1 })
  },
)

t.test('a run that was planned by an instance that is gone is fired by another', async (t) => {
  const schedule = await overdue(0)
  const planner = start(t, { runs: { ...bound(), lease: async () => [] } })
  await eventually(async () => (await runsOf(schedule)).length === 1, 'the run to be planned')
  await planner.runner.stop()
  start(t, {})
  await settled(1)
})

t.test('what is refused for now is fired again after its lease, and ends at last', async (t) => {
  const schedule = await overdue(0)
  const refusals: RunResult[] = [{ ...DONE, status: 'again', notificationId: null, error: 'queue_full: no' }]
  const { runner, log } = start(t, { fire: async () => refusals.shift() ?? DONE }, { leaseMs: 100 })
  await settled(1)
  await runner.stop()
  t.match(await runsOf(schedule), [{ status: 'done', attempt: 2, error: null }])
  t.equal(log.count('schedule.postponed'), 1)
  t.equal(log.count('schedule.fired'), 1)
})

t.test('nothing is fired for ever', async (t) => {
  const [refused, partly, deadly] = [await overdue(0), await overdue(0), await overdue(0)]
  await plan()
  await pool.query('UPDATE schedule_runs SET attempt = CASE schedule_id WHEN $1 THEN 25 ELSE 24 END', [
    deadly.id,
  ])
  const { runner, log } = start(t, {
    fire: async ({ scheduleId }) => {
      if (scheduleId === deadly.id) t.fail('it has been fired often enough')
      const accepted = scheduleId === partly.id ? 3 : 0
      return { ...DONE, status: 'again', accepted, refused: 2, error: '2 overloaded' }
    },
  })
  await settled(3)
  await runner.stop()
  t.match(await runsOf(refused), [{ status: 'failed', attempt: 25, error: '2 overloaded' }])
  t.match(await runsOf(partly), [{ status: 'done', accepted: 3, refused: 2, error: '2 overloaded' }])
  t.match(await runsOf(deadly), [{ status: 'failed', error: /^internal: given up/ }])
  t.equal(log.count('schedule.failed'), 2)
})

t.test('after an outage one run stands for all, or none does', async (t) => {
  const once = await overdue(30.5 * HOUR_MS, { missed: 'run_once' })
  const none = await overdue(30.5 * HOUR_MS, { missed: 'skip' })
  const fired: RunToFire[] = []
  const { runner, log } = start(t, {
    fire: async (run) => {
      fired.push(run)
      return DONE
    },
  })
  await settled(2)
  await runner.stop()
  t.match(fired, [{ scheduleId: once.id, plannedAt: (once.nextRunAt ?? 0) + 30 * HOUR_MS }])
  t.equal(fired.length, 1)
  t.match(await runsOf(none), [{ status: 'missed', plannedAt: none.nextRunAt }])
  for (const { tenantId, id, nextRunAt } of [once, none]) {
    t.match(await schedules.find(tenantId, id), { nextRunAt: (nextRunAt ?? 0) + 31 * HOUR_MS })
  }
  t.equal(log.count('schedule.missed'), 2)
})

t.test('never early, and soon after its time', async (t) => {
  const schedule = await overdue(-400)
  let firedAt = 0
  const { log } = start(t, {
    fire: async () => {
      firedAt = Date.now()
      return DONE
    },
  })
  await log.next('schedule.fired')
  const late = firedAt - (schedule.nextRunAt ?? 0)
  t.ok(late >= 0, `${late} ms late`)
  t.ok(late < 5_000, `${late} ms late`)
})

t.test('a paused schedule does not run, and one that goes on does', async (t) => {
  const [paused, other] = [await overdue(-MINUTE_MS), await overdue(0)]
  await schedules.pause('acme', paused.id)
  await pool.query(`UPDATE schedules SET next_run_at = now() - interval '1 s' WHERE id = $1`, [paused.id])
  const { log } = start(t, {})
  await log.next('schedule.fired')
  t.equal((await runsOf(other)).length, 1)
  t.same(await runsOf(paused), [])
})

t.test('runs are fired a few at a time, and what falls due meanwhile is not missed', async (t) => {
  const gate = new Gate()
  const watch = new Watch()
  let [now, most] = [0, 0]
  await Promise.all(Array.from({ length: 6 }, () => overdue(0)))
  start(
    t,
    {
      fire: async () => {
        now += 1
        most = Math.max(most, now)
        watch.changed()
        await gate.opened
        now -= 1
        return DONE
      },
    },
    { slots: 2 },
  )
  await watch.until(() => now === 2, 'both slots to be full')
  const later = await overdue(0)
  await eventually(async () => (await runsOf(later)).length === 1, 'the run to be planned')
  gate.open()
  await settled(7)
  t.equal(most, 2)
})

t.test('whatever waits is fired without waiting for the next look', async (t) => {
  await Promise.all(Array.from({ length: 9 }, () => overdue(0)))
  start(t, {}, { slots: 2, intervalMs: HOUR_MS })
  await settled(9)
})

t.test('a stop waits for what is under way, and begins no more', async (t) => {
  // With both slots full somebody waits for one of them; with one free, nobody does.
  for (const [waiting, statuses] of [
    [1, ['done']],
    [3, ['done', 'done', 'firing']],
  ] as const) {
    const [gate, watch] = [new Gate(), new Watch()]
    const made = await Promise.all(Array.from({ length: waiting }, () => overdue(0)))
    let begun = 0
    const fire = async () => {
      begun += 1
      watch.changed()
      await gate.opened
      return DONE
    }
    const { runner } = start(t, { fire }, { slots: 2 })
    await watch.until(() => begun === Math.min(2, waiting), 'the slots to be full')
    let stopped = false
    const stopping = runner.stop().then(() => {
      stopped = true
    })
    // The loop and whoever takes runs have had their time to end.
    const late = await overdue(0)
    t.equal(stopped, false)
    gate.open()
    await stopping
    t.equal(begun, Math.min(2, waiting))
    const found = (await Promise.all(made.map(runsOf))).flat().map(({ status }) => status)
    t.same(found.toSorted(), statuses)
    t.same(await runsOf(late), [])
    await pool.query('DELETE FROM schedules')
  }
})

t.test('a store that is away is asked again', async (t) => {
  const schedule = await overdue(0)
  let [due, lease] = [3, 3]
  const away = () => Promise.reject(new Failure('store_unavailable', 'away'))
  const flaky = {
    ...bound(),
    due: (limit: number) => (due-- > 0 ? away() : runs.due(limit)),
    lease: (limit: number, ms: number) => (lease-- > 0 ? away() : runs.lease(limit, ms)),
  }
  const { log } = start(t, { runs: flaky })
  await settled(1)
  t.equal(log.count('schedule.unavailable'), 6)
  t.match(await runsOf(schedule), [{ status: 'done' }])
})

/** The store as an object whose single methods can be replaced. */
function bound(): RunnerPorts['runs'] {
  return {
    due: (limit) => runs.due(limit),
    plan: (planned) => runs.plan(planned),
    lease: (limit, ms) => runs.lease(limit, ms),
    record: (run, result) => runs.record(run, result),
  }
}

/** Plans what is due, and fires nothing. */
async function plan(): Promise<void> {
  const due = await runs.due(100)
  await runs.plan(due.map((one) => ({ due: one, run: judgeDue(one, MINUTE_MS) })))
}
