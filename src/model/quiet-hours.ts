import { DateTime } from 'luxon'

/** A daily window of local time. `start` after `end` spans midnight; equal means no window. */
export interface QuietHours {
  /** Minutes after midnight, local time. */
  readonly start: number
  readonly end: number
  /** IANA zone, such as `Asia/Shanghai`. */
  readonly timezone: string
}

const SMALLEST_SHIFT_MS = 30 * 60_000
const LARGEST_SHIFT_MS = 2 * 3_600_000

/**
 * The end of the quiet window that `now` falls in, or null outside of it. It goes
 * by the wall clock: an end that the spring night leaves out comes that much after
 * the gap, and one that the autumn night has twice counts both times.
 */
export function quietUntil({ start, end, timezone }: QuietHours, now: number): number | null {
  const local = DateTime.fromMillis(now, { zone: timezone })
  if (!within(local.hour * 60 + local.minute, start, end)) return null
  const endsTomorrow = start > end && local.hour * 60 + local.minute >= start
  const day = endsTomorrow ? local.plus({ days: 1 }) : local
  const first = DateTime.fromObject(
    { year: day.year, month: day.month, day: day.day, hour: Math.floor(end / 60), minute: end % 60 },
    { zone: timezone },
  ).toMillis()
  // Past the first of two ends: the second comes after one shift of the clock (an hour, half an hour on Lord Howe).
  for (let until = first; until <= first + LARGEST_SHIFT_MS; until += SMALLEST_SHIFT_MS)
    if (until > now) return until
  return null
}

function within(minute: number, start: number, end: number): boolean {
  if (start <= end) return minute >= start && minute < end
  return minute >= start || minute < end
}
