import { DAY_MS, firstInstantOf, HOUR_MS, MINUTE_MS, spanAt } from './local-time.js'
import type { DigestFrequency } from './recipient.js'

/** When digests are sent, by the recipient's wall clock. */
export interface DigestHours {
  /** Of daily and weekly ones, in minutes after midnight. */
  readonly dailyAt: number
  /** Of weekly ones: 1 is Monday, 7 is Sunday (ISO 8601). */
  readonly weeklyOn: number
}

/** 1 January 1970 was a Thursday. */
const WEEKDAY_OF_DAY_ZERO = 4
const DAYS_PER_WEEK = 7

/**
 * The next instant after `now` at which a digest is sent: whenever the wall clock shows a full hour, or
 * once a local day or week. A time of the day that the spring night leaves out comes right after the gap;
 * of two in the autumn night the first counts. Throws a RangeError for a zone that does not exist.
 * @param timezone IANA, such as `Asia/Shanghai`
 * @param now milliseconds since the epoch, as the result
 */
export function digestBoundary(
  frequency: DigestFrequency,
  timezone: string,
  now: number,
  { dailyAt, weeklyOn }: DigestHours,
): number {
  if (frequency === 'hourly') return nextFullHour(timezone, now)
  const today = Math.floor((now + spanAt(timezone, now).offset) / DAY_MS)
  const first = frequency === 'daily' ? today : nextWeekday(today, weeklyOn)
  for (let day = first; ; day += frequency === 'daily' ? 1 : DAYS_PER_WEEK) {
    const boundary = firstInstantOf(timezone, day * DAY_MS + dailyAt * MINUTE_MS)
    if (boundary > now) return boundary
  }
}

function nextFullHour(timezone: string, now: number): number {
  let span = spanAt(timezone, now)
  let local = now + span.offset + 1
  for (;;) {
    const hour = Math.ceil(local / HOUR_MS) * HOUR_MS
    if (hour - span.offset < span.to) return hour - span.offset
    const { to } = span
    span = spanAt(timezone, to)
    local = to + span.offset
  }
}

/** A day on a weekday: the given one or the next. Days are counted from 1 January 1970. */
function nextWeekday(day: number, weekday: number): number {
  const ahead = (weekday - WEEKDAY_OF_DAY_ZERO - day) % DAYS_PER_WEEK
  return day + (ahead < 0 ? ahead + DAYS_PER_WEEK : ahead)
}
