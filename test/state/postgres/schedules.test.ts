import t from 'tap'
import { HOUR_MS, hourly, MESSAGE, MINUTE_MS, testSchedules } from '../../support/schedules.js'

const { schedules, overdue, runsOf, pool } = await testSchedules(t)
const FIRST = { limit: 100, cursor: null }

t.test('a schedule is kept as it was given, for its tenant', async (t) => {
  const startsAt = Date.parse('2027-01-01T00:00:00.123Z')
  const definition = hourly({
    name: 'Report',
    cron: '0 9 * * 1',
    every: null,
    timezone: 'Asia/Shanghai',
    startsAt,
    endsAt: startsAt + 90 * HOUR_MS,
    missed: 'skip',
    message: { ...MESSAGE, variables: { n: 1.5, list: [null, 'ü'] } },
  })
  const created = await schedules.create('t1', 'svc', definition, startsAt + HOUR_MS)
  t.match(created, {
    ...definition,
    tenantId: 't1',
    createdBy: 'svc',
    paused: false,
    nextRunAt: startsAt + HOUR_MS,
  })
  t.same(await schedules.find('t1', created.id), created)
  t.equal(await schedules.find('t2', created.id), null)
  t.equal(await schedules.pause('t2', created.id), null)
  t.equal(await schedules.resume('t2', created.id, 0), null)
  t.equal(await schedules.replace('t2', created.id, definition, startsAt), null)
  t.equal(await schedules.runNow('t2', created.id), null)
  t.equal(await schedules.runs('t2', created.id, FIRST), null)
  t.equal(await schedules.remove('t2', created.id), false)
  t.same(await schedules.find('t1', created.id), created, 'nothing of that changed it')
  t.equal(await schedules.remove('t1', created.id), true)
  t.equal(await schedules.find('t1', created.id), null)
})

t.test('the list goes page by page', async (t) => {
  const ids: string[] = []
  for (let n = 0; n < 5; n++) ids.push((await schedules.create('paged', 'svc', hourly(), Date.now())).id)
  const pages: string[][] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof schedules.list>> = await schedules.list('paged', {
      limit: 2,
      cursor,
    })
    pages.push(page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== null)
  t.same(pages, [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)])
  await t.rejects(schedules.list('paged', { limit: 2, cursor: 'x' }), { code: 'validation_failed' })
})

t.test('a tenant has a thousand, and no more', async (t) => {
  const first = await schedules.create('full', 'svc', hourly(), Date.now() + HOUR_MS)
  await pool.query(
    `INSERT INTO schedules (tenant_id, id, name, every, timezone, starts_at, missed, message, created_by)
      SELECT tenant_id, 'copy_' || n, name, every, timezone, starts_at, missed, message, created_by
      FROM schedules, generate_series(2, 1000) AS n WHERE id = $1`,
    [first.id],
  )
  await t.rejects(schedules.create('full', 'svc', hourly(), Date.now()), {
    code: 'conflict',
    message: /1000/,
  })
  await schedules.create('other', 'svc', hourly(), Date.now() + HOUR_MS)
  await schedules.remove('full', 'copy_7')
  await schedules.create('full', 'svc', hourly(), Date.now() + HOUR_MS)
})

t.test('what passed during a pause is not made up for', async (t) => {
  const schedule = await overdue(-MINUTE_MS)
  t.match(await schedules.pause('acme', schedule.id), { paused: true, nextRunAt: null })
  t.match(await schedules.pause('acme', schedule.id), { paused: true }, 'pausing again changes nothing')
  const now = Date.now() + 10 * HOUR_MS
  const resumed = await schedules.resume('acme', schedule.id, now)
  t.equal(resumed?.paused, false)
  const next = resumed?.nextRunAt ?? 0
  t.ok(next > now && next <= now + HOUR_MS)
  t.equal((next - schedule.startsAt) % HOUR_MS, 0, 'it keeps its rhythm')
  t.match(await schedules.resume('acme', schedule.id, now + 5 * HOUR_MS), { nextRunAt: next })
})

t.test('what ended during a pause stays so', async (t) => {
  const schedule = await overdue(-MINUTE_MS, { endsAt: Date.now() + HOUR_MS })
  await schedules.pause('acme', schedule.id)
  const now = Date.now() + 2 * HOUR_MS
  t.match(await schedules.resume('acme', schedule.id, now), { paused: false, nextRunAt: null })
})

t.test('a replacement is all new, but for the pause', async (t) => {
  const schedule = await overdue(-MINUTE_MS)
  const next = Date.now() + 3 * HOUR_MS
  const changed = hourly({
    name: 'Changed',
    every: '2h',
    missed: 'skip',
    message: { ...MESSAGE, title: 'New' },
  })
  t.match(await schedules.replace('acme', schedule.id, changed, next), { ...changed, nextRunAt: next })
  await schedules.pause('acme', schedule.id)
  t.match(await schedules.replace('acme', schedule.id, hourly(), next), { paused: true, nextRunAt: null })
})

t.test('a run by hand comes besides the plan, one at a time', async (t) => {
  const schedule = await overdue(-MINUTE_MS)
  const before = Date.now()
  const run = await schedules.runNow('acme', schedule.id)
  t.match(run, { status: 'firing', attempt: 0, firedAt: null, notificationId: null })
  t.ok(Math.abs((run?.plannedAt ?? 0) - before) < 5_000)
  await t.rejects(schedules.runNow('acme', schedule.id), { code: 'conflict' })
  t.match(await schedules.find('acme', schedule.id), { nextRunAt: schedule.nextRunAt })
  t.same(await runsOf(schedule), [run])
  await pool.query(`UPDATE schedule_runs SET status = 'done' WHERE schedule_id = $1`, [schedule.id])
  t.ok(await schedules.runNow('acme', schedule.id))
})

t.test('runs are listed newest first, page by page', async (t) => {
  const schedule = await overdue(-MINUTE_MS)
  t.same(await runsOf(schedule), [])
  await pool.query(
    `INSERT INTO schedule_runs (schedule_id, planned_at, status)
      SELECT $1, to_timestamp(1800000000 + n), 'done' FROM generate_series(1, 5) AS n`,
    [schedule.id],
  )
  const times: number[][] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof schedules.runs>> = await schedules.runs('acme', schedule.id, {
      limit: 2,
      cursor,
    })
    times.push(page?.items.map(({ plannedAt }) => plannedAt / 1_000 - 1_800_000_000) ?? [])
    cursor = page?.nextCursor ?? null
  } while (cursor !== null)
  t.same(times, [[5, 4], [3, 2], [1]])
  const odd = Buffer.from('["x"]').toString('base64url')
  await t.rejects(schedules.runs('acme', schedule.id, { limit: 2, cursor: odd }), {
    code: 'validation_failed',
  })
  await schedules.remove('acme', schedule.id)
  t.equal((await pool.query('SELECT 1 FROM schedule_runs WHERE schedule_id = $1', [schedule.id])).rowCount, 0)
})
