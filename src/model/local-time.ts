import { LRUCache } from 'lru-cache'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/**
 * A time in which a zone's clocks run on steadily. Local time, here and below, is what the wall clock shows,
 * counted in milliseconds as if it were UTC.
 */
export interface Span {
  readonly from: number
  /** Exclusive. The offset need not change there. */
  readonly to: number
  /** Local time minus UTC, in milliseconds. */
  readonly offset: number
}

/** What is kept is found by a zone and a block of this length, so that a change of the clocks cannot be missed. */
const BLOCK_MS = 16 * DAY_MS
/** No zone has changed its clocks twice within it. */
const STEP_MS = DAY_MS
/** The farthest that a zone is ahead of UTC is 14 hours. */
const FARTHEST_AHEAD_MS = 15 * HOUR_MS

/** Two or three blocks each for all of the 600 zones. */
const blocks = new LRUCache<string, readonly Span[]>({ max: 2_048 })
const usable = new LRUCache<string, boolean>({ max: 2_048 })
/** Needed for a block that is not known yet only; they take tens of kilobytes each. */
const formats = new LRUCache<string, Intl.DateTimeFormat>({ max: 32 })

/** The span in which an instant lies. Throws a RangeError for a zone that does not exist. */
export function spanAt(timezone: string, instant: number): Span {
  const block = Math.floor(instant / BLOCK_MS)
  const key = `${block} ${timezone}`
  let spans = blocks.get(key)
  if (spans === undefined) {
    spans = spansBetween(timezone, block * BLOCK_MS, (block + 1) * BLOCK_MS)
    blocks.set(key, spans)
  }
  for (const span of spans) if (instant < span.to) return span
  throw new RangeError(`There is no time ${instant}`)
}

/** The first instant at which the wall clock shows a local time or, where it leaves that out, a later one. */
export function firstInstantOf(timezone: string, local: number): number {
  let span = spanAt(timezone, local - FARTHEST_AHEAD_MS)
  while (local - span.offset >= span.to) span = spanAt(timezone, span.to)
  return Math.max(span.from, local - span.offset)
}

/** A zone, or the other one where this runtime does not know it: names come and go with its data. */
export function usableZone(timezone: string | null, otherwise: string): string {
  if (timezone === null) return otherwise
  const known = usable.get(timezone) ?? isTimeZone(timezone)
  usable.set(timezone, known)
  return known ? timezone : otherwise
}

/** True for the name of an IANA time zone, such as `Asia/Shanghai`. */
export function isTimeZone(name: string): boolean {
  // An offset such as +08:00 is no name, and not every version of Node takes it.
  if (/^[+-]/.test(name)) return false
  try {
    return formatFor(name) !== undefined
  } catch {
    return false
  }
}

function spansBetween(timezone: string, from: number, to: number): readonly Span[] {
  const spans: Span[] = []
  let start = from
  let offset = offsetAt(timezone, from)
  for (let at = from; at < to; at += STEP_MS) {
    const next = offsetAt(timezone, at + STEP_MS)
    if (next === offset) continue
    const change = changeBetween(timezone, at, at + STEP_MS)
    if (change >= to) break
    spans.push({ from: start, to: change, offset })
    start = change
    offset = next
  }
  return [...spans, { from: start, to, offset }]
}

/** The first instant that has the offset of `after`, which differs from that of `before`. */
function changeBetween(timezone: string, before: number, after: number): number {
  const offset = offsetAt(timezone, after)
  let [low, high] = [before, after]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetAt(timezone, middle) === offset) high = middle
    else low = middle
  }
  return high
}

function offsetAt(timezone: string, instant: number): number {
  const text = formatFor(timezone).format(instant)
  const [, sign, hours = '0', minutes = '0', seconds = '0'] =
    /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text) ?? []
  const size = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS + Number(seconds) * 1_000
  return sign === '-' ? -size : size
}

function formatFor(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' })
  formats.set(timezone, format)
  return format
}
