import t, { type Test } from 'tap'
import type { RunAnswer, ScheduleAnswer } from '../../src/api/schemas/schedules.js'
import type { JsonObject } from '../../src/model/json.js'
import { FILE_TIMEOUT_MS } from '../support/chaos.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { startTimeTravel } from '../support/time-travel.js'
import { eventually } from '../support/waiting.js'

t.setTimeout(FILE_TIMEOUT_MS)

const SHORTLY_BEFORE_MS = 2_000
/** The runner looks every second; the rest is for a machine that is busy. */
const SOON_MS = 10_000
const NEW_YORK = 'America/New_York'

const time = await startTimeTravel(t, Date.parse('2031-03-09T03:59:00Z'))
const daemon = await startDaemon(t, {
  config: { quiet_hours: { enabled: false } },
  env: { ...time.stack.env, LOG_LEVEL: 'debug' },
})
const service = await daemon.sender()

/** Its user has the name of the schedule. */
async function create(name: string, timing: JsonObject): Promise<ScheduleAnswer> {
  const { status, text, body } = await service.post<ScheduleAnswer>('/api/v1/schedules', {
    tenant_id: service.caller.tenantId,
    name,
    ...timing,
    message: { user_id: name, channel: 'in_app', title: `${MARK} title`, content: `${MARK} content` },
  })
  if (status !== 200) throw new Error(text)
  return body
}

const find = async (id: string): Promise<ScheduleAnswer> =>
  (await service.get<ScheduleAnswer>(`/api/v1/schedules/${id}`)).body

/** Oldest first. */
async function runsOf(id: string): Promise<readonly RunAnswer[]> {
  const { body } = await service.get<{ runs: RunAnswer[] }>(`/api/v1/schedules/${id}/runs`)
  return body.runs.reverse()
}

/** Lets a time come at which schedules run, and checks that they do. */
async function runs(t: Test, at: string, ...ids: readonly string[]): Promise<void> {
  await time.to(Date.parse(at) - SHORTLY_BEFORE_MS)
  for (const id of ids) {
    const run = await eventually(
      async () =>
        (await runsOf(id)).find(({ planned_at, status }) => planned_at === iso(at) && status === 'done'),
      `the run at ${at}`,
    )
    const late = Date.parse(run.fired_at ?? '') - Date.parse(at)
    t.ok(late >= 0 && late < SOON_MS, `${at}: ${late} ms late`)
  }
}

const iso = (text: string): string => new Date(text).toISOString()
const isoAll = (...texts: readonly string[]): readonly string[] => texts.map(iso)
const plannedTimes = async (id: string): Promise<readonly string[]> =>
  (await runsOf(id)).map(({ planned_at }) => planned_at)
const received = async (name: string): Promise<number> => (await service.all(name, 'in_app')).length

t.test('missed while the service was down', async (t) => {
  const starts_at = '2031-03-09T04:00:00Z'
  const [once, skip] = await Promise.all([
    create('once', { every: '5m', starts_at, ends_at: '2031-03-09T05:05:00Z' }),
    create('skip', { every: '5m', starts_at, ends_at: '2031-03-09T05:05:00Z', missed: 'skip' }),
  ])
  await runs(t, starts_at, once.id, skip.id)
  await time.to(Date.parse('2031-03-09T04:57:00Z'), daemon)
  await eventually(async () => (await plannedTimes(once.id)).length === 2, 'one run for all')
  await eventually(async () => (await plannedTimes(skip.id)).length === 2, 'the word that it was missed')
  t.match(await find(once.id), { next_run_at: iso('2031-03-09T05:00Z') })
  t.match(await find(skip.id), { next_run_at: iso('2031-03-09T05:00Z') })
  await runs(t, '2031-03-09T05:00:00Z', once.id, skip.id)
  t.match(
    (await runsOf(once.id)).map(({ planned_at, status }) => [planned_at, status]),
    [
      [iso('2031-03-09T04:00Z'), 'done'],
      [iso('2031-03-09T04:55Z'), 'done'],
      [iso('2031-03-09T05:00Z'), 'done'],
    ],
  )
  t.match(
    (await runsOf(skip.id)).map(({ planned_at, status }) => [planned_at, status]),
    [
      [iso('2031-03-09T04:00Z'), 'done'],
      [iso('2031-03-09T04:05Z'), 'missed'],
      [iso('2031-03-09T05:00Z'), 'done'],
    ],
  )
  t.same([await received('once'), await received('skip')], [3, 2])
  await runs(t, '2031-03-09T05:05:00Z', once.id)
  t.match(await find(once.id), { state: 'ended', next_run_at: null })
})

t.test('what the spring night leaves out comes right after the gap, once', async (t) => {
  await time.to(Date.parse('2031-03-09T06:50:00Z'), daemon)
  const [named, steady] = await Promise.all([
    create('spring', { cron: '30 2 * * *', timezone: NEW_YORK, ends_at: '2031-03-11T00:00:00Z' }),
    create('spring-steady', { cron: '30 * * * *', timezone: NEW_YORK, ends_at: '2031-03-09T08:00:00Z' }),
  ])
  t.same(named.next_runs, isoAll('2031-03-09T07:00Z', '2031-03-10T06:30Z'))
  t.same(steady.next_runs, isoAll('2031-03-09T07:30Z'), 'the wall clock shows 03:30')
  await runs(t, '2031-03-09T07:00:00Z', named.id)
  await runs(t, '2031-03-09T07:30:00Z', steady.id)
  t.same(await plannedTimes(named.id), isoAll('2031-03-09T07:00Z'), 'not again')
  await runs(t, '2031-03-10T06:30:00Z', named.id)
  t.same([await received('spring'), await received('spring-steady')], [2, 1])
  t.match(await find(named.id), { state: 'ended' })
})

t.test('of two in the autumn night the first counts', async (t) => {
  await time.to(Date.parse('2031-11-02T05:20:00Z'), daemon)
  const [named, steady] = await Promise.all([
    create('autumn', { cron: '30 1 * * *', timezone: NEW_YORK, ends_at: '2031-11-04T00:00:00Z' }),
    create('autumn-steady', { cron: '30 * * * *', timezone: NEW_YORK, ends_at: '2031-11-02T07:00:00Z' }),
  ])
  t.same(named.next_runs, isoAll('2031-11-02T05:30Z', '2031-11-03T06:30Z'))
  t.same(steady.next_runs, isoAll('2031-11-02T05:30Z', '2031-11-02T06:30Z'), 'whenever it shows 30')
  await runs(t, '2031-11-02T05:30:00Z', named.id)
  await runs(t, '2031-11-02T06:30:00Z', steady.id)
  t.same(await plannedTimes(named.id), isoAll('2031-11-02T05:30Z'), 'not again')
  t.same(await plannedTimes(steady.id), isoAll('2031-11-02T05:30Z', '2031-11-02T06:30Z'))
  await runs(t, '2031-11-03T06:30:00Z', named.id)
  t.same([await received('autumn'), await received('autumn-steady')], [2, 2])
})

t.test('the log', async (t) => {
  checkLog(t, daemon)
  const missed = daemon.lines.filter(({ event }) => event === 'schedule.missed')
  t.same(missed.map(({ policy }) => policy).sort(), ['run_once', 'skip'])
})
