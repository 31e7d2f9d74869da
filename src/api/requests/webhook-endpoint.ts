import { validationFailed } from '../http/validation.js'
import type { MessageRules } from './message.js'

const MS_PER_UNIT: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }
const LONGEST_OVERLAP_MS = 7 * 86_400_000

/**
 * A URL by the rules of those in notifications.
 * @throws Failure `validation_failed`
 */
export function requireUrl(text: string, { checks }: MessageRules): string {
  const url = text.trim()
  const error = checks.webhook({ webhook_url: url }, '')
  if (error !== null) throw validationFailed([{ field: '/url', message: error.message }])
  return url
}

/**
 * How long earlier secrets stay valid, in milliseconds.
 * @throws Failure `validation_failed`
 */
export function readOverlap(text: string): number {
  const ms = /^\d{1,5}[mhd]$/.test(text)
    ? Number.parseInt(text, 10) * (MS_PER_UNIT[text.slice(-1)] ?? 0)
    : Number.POSITIVE_INFINITY
  if (ms <= LONGEST_OVERLAP_MS) return ms
  const message = 'must be minutes, hours or days, such as 24h, at most 7d'
  throw validationFailed([{ field: '/overlap', message }])
}
