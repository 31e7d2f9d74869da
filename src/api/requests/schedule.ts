import type { FieldError } from '../../model/failure.js'
import { readTime } from './time.js'

const SLACK_MS = 60_000
const HORIZON_MS = 10 * 366 * 86_400_000

export interface Times {
  /** Null: now. */
  readonly scheduledAt: number | null
  readonly expiresAt: number | null
}

/** Reads both times; what is wrong with them goes to `errors`. */
export function readTimes(
  body: { readonly scheduled_at?: string; readonly expires_at?: string },
  now: number,
  errors: FieldError[],
): Times {
  const scheduledAt = readScheduledAt(body.scheduled_at, now, errors)
  const expiresAt = readFuture('/expires_at', body.expires_at, now, errors)
  if (expiresAt !== null && expiresAt <= Math.max(now, scheduledAt ?? 0)) {
    const message = expiresAt <= now ? 'must be in the future' : 'must be later than scheduled_at'
    errors.push({ field: '/expires_at', message })
  }
  return { scheduledAt, expiresAt }
}

/** A time that passed within the last minute is now: clocks differ, and requests take time. */
export function readScheduledAt(text: string | undefined, now: number, errors: FieldError[]): number | null {
  const time = readFuture('/scheduled_at', text, now, errors)
  if (time === null || time > now) return time
  if (time < now - SLACK_MS) {
    errors.push({ field: '/scheduled_at', message: 'must not be more than 60 seconds in the past' })
  }
  return null
}

function readFuture(
  field: string,
  text: string | undefined,
  now: number,
  errors: FieldError[],
): number | null {
  if (text === undefined) return null
  const time = readTime(text)
  if (time === null) {
    errors.push({ field, message: 'must be an RFC 3339 time with a zone, such as 2027-01-27T15:00:00Z' })
  } else if (time > now + HORIZON_MS) {
    errors.push({ field, message: 'must not be more than ten years ahead' })
    return null
  }
  return time
}
