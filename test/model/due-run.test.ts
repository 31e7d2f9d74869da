import fc from 'fast-check'
import t from 'tap'
import { type DueSchedule, judgeDue } from '../../src/model/due-run.js'
import { nextRun, parseRecurrence } from '../../src/model/recurrence.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const START = Date.parse('2027-03-01T00:00:00Z')

const due = (changes: Partial<DueSchedule> = {}): DueSchedule => ({
  cron: null,
  every: '1h',
  timezone: 'UTC',
  startsAt: START,
  endsAt: null,
  missed: 'run_once',
  plannedAt: START,
  now: START,
  ...changes,
})

/** The runs of a schedule, one by one, until one is later than so long after the `first`. */
function runsBeyond(schedule: DueSchedule, first: number, ms: number): number[] {
  const recurrence = parseRecurrence(schedule)
  if (typeof recurrence === 'string') throw new Error(recurrence)
  const runs: number[] = []
  for (let run = nextRun(recurrence, schedule.startsAt - 1); run !== null; run = nextRun(recurrence, run)) {
    runs.push(run)
    if (run > (runs[first] ?? run) + ms) break
  }
  return runs
}

t.test('in time, it is fired for its time and goes on with the next', async (t) => {
  for (const missed of ['run_once', 'skip'] as const) {
    t.same(judgeDue(due({ missed, now: START + MINUTE_MS }), MINUTE_MS), {
      status: 'firing',
      runAt: START,
      error: null,
      nextRunAt: START + HOUR_MS,
    })
  }
})

t.test('a millisecond later it was missed', async (t) => {
  const now = START + MINUTE_MS + 1
  t.match(judgeDue(due({ now, missed: 'skip' }), MINUTE_MS), { status: 'missed', runAt: START })
  t.match(judgeDue(due({ now, missed: 'run_once' }), MINUTE_MS), { status: 'firing', runAt: START })
})

t.test('one run stands for all that were missed; or none does', async (t) => {
  const now = START + 5 * HOUR_MS + 30 * MINUTE_MS
  t.match(judgeDue(due({ now, missed: 'run_once' }), MINUTE_MS), {
    status: 'firing',
    runAt: START + 5 * HOUR_MS,
    nextRunAt: START + 6 * HOUR_MS,
  })
  t.match(judgeDue(due({ now, missed: 'skip' }), MINUTE_MS), {
    status: 'missed',
    runAt: START,
    nextRunAt: START + 6 * HOUR_MS,
  })
})

t.test('what is skipped does not take along what is just in time', async (t) => {
  const now = START + 5 * HOUR_MS + 30_000
  t.match(judgeDue(due({ now, missed: 'skip' }), MINUTE_MS), { nextRunAt: START + 5 * HOUR_MS })
  t.match(judgeDue(due({ now, missed: 'run_once' }), MINUTE_MS), {
    runAt: START + 5 * HOUR_MS,
    nextRunAt: START + 6 * HOUR_MS,
  })
})

t.test('nothing is after the end, and a run at the end counts', async (t) => {
  const endsAt = START + 2 * HOUR_MS
  t.match(judgeDue(due({ endsAt, plannedAt: START + HOUR_MS, now: START + HOUR_MS }), MINUTE_MS), {
    nextRunAt: endsAt,
  })
  t.match(judgeDue(due({ endsAt, plannedAt: endsAt, now: endsAt }), MINUTE_MS), { nextRunAt: null })
  const late = { endsAt: endsAt + 1, now: START + 9 * HOUR_MS }
  t.match(judgeDue(due(late), MINUTE_MS), { status: 'firing', runAt: endsAt, nextRunAt: null })
  t.match(judgeDue(due({ ...late, missed: 'skip' }), MINUTE_MS), { status: 'missed', nextRunAt: null })
})

t.test('ten years of minutes are jumped over', async (t) => {
  const now = START + 3_650 * DAY_MS
  const minutely = due({ cron: '* * * * *', every: null, timezone: 'America/New_York', now: now + 1 })
  t.match(judgeDue(minutely, MINUTE_MS), { runAt: now, nextRunAt: now + MINUTE_MS })
})

t.test('a zone that does not exist any more ends it with a word', async (t) => {
  t.match(judgeDue(due({ timezone: 'Mars/Olympus' }), MINUTE_MS), {
    status: 'failed',
    runAt: START,
    error: /^validation_failed: timezone /,
    nextRunAt: null,
  })
})

t.test('it agrees with counting one by one, also in the nights when clocks change', async (t) => {
  const schedules = fc.record({
    timing: fc.constantFrom(
      { cron: null, every: '37m' },
      { cron: null, every: '1d' },
      { cron: '30 2 * * *', every: null },
      { cron: '*/20 * * * *', every: null },
      { cron: '15 1,2,3 * * 0', every: null },
    ),
    timezone: fc.constantFrom('UTC', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu'),
    startsAt: fc.integer({ min: START + 10 * DAY_MS, max: START + 36 * DAY_MS }),
    awayMs: fc.oneof(fc.integer({ min: 0, max: 2 * MINUTE_MS }), fc.integer({ min: 0, max: 3 * DAY_MS })),
    first: fc.integer({ min: 0, max: 2 }),
    lastsMs: fc.option(fc.integer({ min: 0, max: 5 * DAY_MS })),
    missed: fc.constantFrom('run_once' as const, 'skip' as const),
  })
  const property = fc.property(
    schedules,
    ({ timing, timezone, startsAt, awayMs, first, lastsMs, missed }) => {
      const base = due({ ...timing, timezone, startsAt, missed })
      const all = runsBeyond(base, first, awayMs)
      const plannedAt = all[first] ?? startsAt
      const now = plannedAt + awayMs
      const endsAt = lastsMs === null ? null : plannedAt + lastsMs
      const runs = all.filter((run) => run >= plannedAt && (endsAt === null || run <= endsAt))
      const following = (after: number): number | null => runs.find((run) => run > after) ?? null
      const { status, runAt, nextRunAt } = judgeDue({ ...base, plannedAt, now, endsAt }, MINUTE_MS)
      if (awayMs <= MINUTE_MS) {
        return status === 'firing' && runAt === plannedAt && nextRunAt === following(plannedAt)
      }
      if (missed === 'skip') {
        return status === 'missed' && runAt === plannedAt && nextRunAt === following(now - MINUTE_MS - 1)
      }
      const last = runs.findLast((run) => run <= now)
      return status === 'firing' && runAt === last && nextRunAt === following(now)
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }))
})
