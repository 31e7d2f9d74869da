import { nextRun, parseRecurrence, type Recurrence } from './recurrence.js'
import type { Timing } from './schedule.js'

/** A schedule whose time has come. Times are epoch milliseconds. */
export interface DueSchedule extends Timing {
  readonly plannedAt: number
  readonly now: number
}

/** What becomes of the run that is due, and when the next one is. */
export interface DueRun {
  readonly status: 'firing' | 'missed' | 'failed'
  /** The time that the run stands for. */
  readonly runAt: number
  readonly error: string | null
  /** Null: there is none any more. */
  readonly nextRunAt: number | null
}

/**
 * Judges a run that is due. Later than `missedAfterMs` it counts as missed: then `skip` goes on with the
 * first time that is not missed, and `run_once` lets one run stand for all times that have passed.
 */
export function judgeDue(schedule: DueSchedule, missedAfterMs: number): DueRun {
  const { plannedAt, now, endsAt, missed } = schedule
  const recurrence = parseRecurrence(schedule)
  // Time zones can be withdrawn from the data that the runtime comes with.
  if (typeof recurrence === 'string')
    return { status: 'failed', runAt: plannedAt, error: `validation_failed: ${recurrence}`, nextRunAt: null }
  const next = (after: number): number | null => nextRunBefore(recurrence, after, endsAt)
  if (now - plannedAt <= missedAfterMs) return firing(plannedAt, next(plannedAt))
  if (missed === 'skip') {
    const nextRunAt = next(now - missedAfterMs - 1)
    return { status: 'missed', runAt: plannedAt, error: null, nextRunAt }
  }
  return firing(lastRun(recurrence, plannedAt, Math.min(now, endsAt ?? now)), next(now))
}

/** The first run after an instant, unless that is later than the end. */
export function nextRunBefore(recurrence: Recurrence, after: number, endsAt: number | null): number | null {
  const run = nextRun(recurrence, after)
  return run !== null && endsAt !== null && run > endsAt ? null : run
}

const firing = (runAt: number, nextRunAt: number | null): DueRun => ({
  status: 'firing',
  runAt,
  error: null,
  nextRunAt,
})

/** The last run not later than `until`. Takes some forty steps, however many runs there were since the first. */
function lastRun(recurrence: Recurrence, first: number, until: number): number {
  let [last, end] = [first, until]
  while (last < end) {
    const middle = Math.floor((last + end) / 2)
    const run = nextRun(recurrence, middle)
    if (run !== null && run <= until) last = run
    else end = middle
  }
  return last
}
