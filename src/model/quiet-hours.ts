import { DAY_MS, MINUTE_MS, spanAt } from './local-time.js'
import type { QuietWindow } from './recipient.js'

const MINUTES_PER_DAY = DAY_MS / MINUTE_MS
/** The only free minute of a day can lie in the hour that the spring night leaves out. */
const LONGEST_MS = 2 * DAY_MS

/**
 * The next instant that is outside of every window, or null when `now` is. It goes by the wall clock:
 * an end that the spring night leaves out comes with the next time that it shows, and what the autumn
 * night shows twice is quiet twice. Windows that leave no time of the day free have no end: null.
 * Throws a RangeError for a zone that does not exist.
 * @param timezone IANA, such as `Asia/Shanghai`
 * @param now milliseconds since the epoch, as the result
 */
export function quietUntil(windows: readonly QuietWindow[], timezone: string, now: number): number | null {
  if (windows.length === 0) return null
  for (let at = now; at <= now + LONGEST_MS; ) {
    const { offset, to } = spanAt(timezone, at)
    const local = (((at + offset) % DAY_MS) + DAY_MS) % DAY_MS
    const minute = Math.floor(local / MINUTE_MS)
    const window = windows.find((each) => within(each, minute))
    if (window === undefined) return at === now ? null : at
    const end = window.end > minute ? window.end : window.end + MINUTES_PER_DAY
    at = Math.min(at - local + end * MINUTE_MS, to)
  }
  return null
}

/** The indices of two windows that overlap, the lower first, or null. That one begins where another ends is fine. */
export function overlapping(windows: readonly QuietWindow[]): readonly [number, number] | null {
  for (const [second, window] of windows.entries()) {
    const first = windows.slice(0, second).findIndex((other) => overlap(other, window))
    if (first >= 0) return [first, second]
  }
  return null
}

/** True when the windows leave no minute of the day free. */
export function coversTheDay(windows: readonly QuietWindow[]): boolean {
  const real = windows.filter(({ start, end }) => start !== end)
  // A free time of the day begins where a window ends.
  return (
    real.length > 0 && real.every(({ end }) => real.some((window) => within(window, end % MINUTES_PER_DAY)))
  )
}

/** Of two windows that overlap, one begins within the other. */
function overlap(one: QuietWindow, other: QuietWindow): boolean {
  if (one.start === one.end || other.start === other.end) return false
  return within(one, other.start) || within(other, one.start)
}

function within({ start, end }: QuietWindow, minute: number): boolean {
  if (start <= end) return minute >= start && minute < end
  return minute >= start || minute < end
}
