import { Cron } from 'croner'
import { DAY_MS, firstInstantOf, HOUR_MS, isTimeZone, MINUTE_MS, spanAt } from './local-time.js'

/** When something is to happen again and again. */
export type Recurrence = CronRecurrence | IntervalRecurrence

interface CronRecurrence {
  readonly kind: 'cron'
  /** Reads local time as if it were UTC. */
  readonly pattern: Cron
  /** It names minutes of every hour, rather than times of the day. */
  readonly everyHour: boolean
  readonly timezone: string
  readonly startsAt: number
}

interface IntervalRecurrence {
  readonly kind: 'every'
  readonly ms: number
  /** Days keep the time that the wall clock showed at the start; others are exact. */
  readonly byDays: boolean
  readonly timezone: string
  readonly startsAt: number
}

export interface RecurrenceText {
  /** Minute, hour, day of the month, month and day of the week. */
  readonly cron: string | null
  /** Such as `15m`, `2h`, `1d` or `1w`. */
  readonly every: string | null
  /** IANA, such as `Asia/Shanghai`. */
  readonly timezone: string
  /** No run is before it. Milliseconds since the epoch. */
  readonly startsAt: number
}

const MS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['m', MINUTE_MS],
  ['h', HOUR_MS],
  ['d', DAY_MS],
  ['w', 7 * DAY_MS],
])
const LONGEST_MS = 366 * DAY_MS
const CRON_FIELDS = 5
const EVERY_HOUR = /^(\*|0-23)(\/1)?$/

/** What a request says as a recurrence, or what is wrong with it: a sentence that begins with the field. */
export function parseRecurrence({ cron, every, timezone, startsAt }: RecurrenceText): Recurrence | string {
  if (!isTimeZone(timezone)) return 'timezone must be an IANA time zone such as Asia/Shanghai'
  if (cron !== null && every === null) return parseCron(cron.trim(), timezone, startsAt)
  if (cron === null && every !== null) return parseEvery(every, timezone, startsAt)
  return 'cron or every must be given, and not both'
}

/**
 * The first run after an instant, or null when there is none. A schedule that names times of the day runs
 * once for each, whatever the clocks do: what the spring night leaves out comes right after the gap, all of
 * it at once, and of two in the autumn night the first counts. A cron expression whose hour is `*` goes on
 * steadily instead: it runs whenever the wall clock shows one of its minutes.
 * @param after exclusive, milliseconds since the epoch, as the result
 */
export function nextRun(recurrence: Recurrence, after: number): number | null {
  const last = Math.max(after, recurrence.startsAt - 1)
  if (recurrence.kind === 'every') return nextMultiple(recurrence, last)
  return recurrence.everyHour ? nextShown(recurrence, last) : nextNamed(recurrence, last)
}

/** The first runs after an instant, `count` at most. */
export function nextRuns(recurrence: Recurrence, after: number, count: number): readonly number[] {
  const runs: number[] = []
  for (let run = nextRun(recurrence, after); run !== null && runs.length < count; ) {
    runs.push(run)
    run = nextRun(recurrence, run)
  }
  return runs
}

function parseCron(cron: string, timezone: string, startsAt: number): Recurrence | string {
  const fields = cron.split(/\s+/)
  const [, hour = ''] = fields
  if (fields.length !== CRON_FIELDS)
    return 'cron must have five fields: minute, hour, day of the month, month and day of the week'
  try {
    const pattern = new Cron(cron, { timezone: 'UTC', mode: '5-part' })
    const everyHour = EVERY_HOUR.test(hour)
    const recurrence: Recurrence = { kind: 'cron', pattern, everyHour, timezone, startsAt }
    return nextRun(recurrence, startsAt - 1) === null ? 'cron names a day that never comes' : recurrence
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : ''
    return `cron is not a cron expression: ${reason}`
  }
}

function parseEvery(every: string, timezone: string, startsAt: number): Recurrence | string {
  const [, amount, unit = ''] = /^(\d{1,6})([mhdw])$/.exec(every) ?? []
  const ms = Number(amount) * (MS_PER_UNIT.get(unit) ?? Number.NaN)
  if (Number.isNaN(ms))
    return 'every must be a whole number of minutes, hours, days or weeks such as 15m, 2h, 1d or 1w'
  if (ms < MINUTE_MS || ms > LONGEST_MS) return 'every must be from 1m to 366d'
  return { kind: 'every', ms, byDays: unit === 'd' || unit === 'w', timezone, startsAt }
}

function nextMultiple({ ms, byDays, timezone, startsAt }: IntervalRecurrence, after: number): number {
  if (after < startsAt) return startsAt
  if (!byDays) return startsAt + (Math.floor((after - startsAt) / ms) + 1) * ms
  const first = startsAt + spanAt(timezone, startsAt).offset
  const now = after + spanAt(timezone, after).offset
  for (let local = first + Math.max(1, Math.floor((now - first) / ms)) * ms; ; local += ms) {
    const run = firstInstantOf(timezone, local)
    if (run > after) return run
  }
}

function nextNamed({ pattern, timezone }: CronRecurrence, after: number): number | null {
  let local = nextMatch(pattern, after + spanAt(timezone, after).offset)
  while (local !== null) {
    const run = firstInstantOf(timezone, local)
    if (run > after) return run
    local = nextMatch(pattern, local)
  }
  return null
}

function nextShown({ pattern, timezone }: CronRecurrence, after: number): number | null {
  let span = spanAt(timezone, after)
  let local = nextMatch(pattern, after + span.offset)
  while (local !== null && local - span.offset >= span.to) {
    const { to } = span
    span = spanAt(timezone, to)
    local = nextMatch(pattern, to - 1 + span.offset)
  }
  return local === null ? null : local - span.offset
}

const nextMatch = (pattern: Cron, local: number): number | null =>
  pattern.nextRun(new Date(local))?.getTime() ?? null
