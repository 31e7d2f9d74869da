import { validationFailed } from '../http/validation.js'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/**
 * The length of a window such as `30m` or `24h`, in milliseconds.
 * @throws Failure `validation_failed` when it is longer than `maxHours`
 */
export function readWindow(window: string, maxHours: number): number {
  const ms = Number.parseInt(window, 10) * (window.endsWith('h') ? HOUR_MS : MINUTE_MS)
  if (ms > maxHours * HOUR_MS) {
    throw validationFailed([{ field: '/window', message: `must not be longer than ${maxHours}h` }])
  }
  return ms
}
