import { randomBytes } from 'node:crypto'

const POOL_BYTES = 4096
let pool = Buffer.alloc(0)
let used = 0
let lastMs = 0
let sequence = 0

/**
 * A UUIDv7 (RFC 9562 §5.7, method 1: a 12-bit counter behind the milliseconds),
 * so that ids made by one process sort in the order in which they were made.
 */
export function uuidv7(now: number): string {
  if (now > lastMs) {
    lastMs = now
    sequence = 0
  } else if (++sequence > 0xfff) {
    lastMs += 1
    sequence = 0
  }
  if (used + 8 > pool.length) {
    pool = randomBytes(POOL_BYTES)
    used = 0
  }
  const tail = pool.toString('hex', used, used + 8)
  used += 8
  const time = lastMs.toString(16).padStart(12, '0')
  const variant = ((Number.parseInt(tail.charAt(0), 16) & 0x3) | 0x8).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence.toString(16).padStart(3, '0')}-${variant}${tail.slice(1, 4)}-${tail.slice(4)}`
}

export const notificationId = (now: number): string => `notif_${uuidv7(now)}`
export const jobId = (now: number): string => `job_${uuidv7(now)}`
export const templateId = (now: number): string => `tmpl_${uuidv7(now)}`
export const endpointId = (now: number): string => `whe_${uuidv7(now)}`
export const deadLetterId = (now: number): string => `dl_${uuidv7(now)}`
export const scheduleId = (now: number): string => `sched_${uuidv7(now)}`

/** What sorts below every id made at or after `time` (epoch milliseconds). */
export function idFloor(prefix: 'notif' | 'job' | 'dl', time: number): string {
  const hex = Math.max(0, time).toString(16).padStart(12, '0')
  return `${prefix}_${hex.slice(0, 8)}-${hex.slice(8)}`
}

const UUID_V7 = /^[a-z]+_([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** When an id was made, in epoch milliseconds; null when it is none of ours. */
export function madeAt(id: string): number | null {
  const [, high, low] = UUID_V7.exec(id) ?? []
  return high === undefined || low === undefined ? null : Number.parseInt(high + low, 16)
}
