import type { DeadLetterFilter } from '../../model/dead-letter.js'
import { Failure } from '../../model/failure.js'
import { cursorOf, readCursor } from '../key-cursor.js'
import type { Statement, Store } from './store.js'

/** Dead letters are in the order of this: when they died, in microseconds since the epoch, and their id. */
export interface Place {
  readonly us: number
  readonly id: string
}

/** One that was looked at. */
interface Candidate extends Place {
  readonly is_event: boolean
  /** Whether it is what was asked for. */
  readonly fits: boolean
}

export type Found = Pick<Candidate, 'us' | 'id' | 'is_event'>

export interface Scan {
  readonly found: readonly Found[]
  /** From where there may be more; null when all were looked at. */
  readonly next: Place | null
}

/** However few of them fit, a page looks at no more than this. */
const MOST_LOOKED_AT = 10_000
const MOST_AT_ONCE = 2_000
/** Later than everything, in microseconds: the year 2255. */
const END_OF_TIME = 9_000_000_000_000_000

/**
 * Looks at so many in a row, notifications and events in one order. What tells them apart is asked of each that
 * is looked at and not of the index, so that the rarest filter takes no longer than any other.
 * Whether another has taken its place is looked up one by one: the planner takes it for a join of everything.
 */
const scanStatement = (name: string, notifications: string, events: string): Statement => ({
  name: `dead_letters_scan_${name}`,
  text: `SELECT id, (extract(epoch FROM at) * 1000000)::bigint AS us, is_event, fits FROM (
      (SELECT n.id, n.updated_at AS at, false AS is_event,
        ($6::text IS NULL OR n.channel = $6) AND ($7::text IS NULL OR n.reason = $7)
          AND ($8::text IS NULL OR n.status = $8)
          AND (SELECT c.id FROM notifications c WHERE c.parent_id = n.id LIMIT 1) IS NULL AS fits
      FROM notifications n
      WHERE $11::boolean AND n.tenant_id = $1 AND ${notifications}
        AND (n.updated_at, n.id) < (to_timestamp($2::float8 / 1000000), $3)
        AND n.updated_at >= to_timestamp($4::float8 / 1000)
      ORDER BY n.updated_at DESC, n.id DESC LIMIT $5)
      UNION ALL
      (SELECT d.id, d.updated_at, true,
        ($9::text IS NULL OR d.topic = $9) AND ($10::text IS NULL OR d.event_type = $10)
          AND ($7::text IS NULL OR d.reason = $7)
      FROM dead_letters d
      WHERE $12::boolean AND d.tenant_id = $1 AND ${events}
        AND (d.updated_at, d.id) < (to_timestamp($2::float8 / 1000000), $3)
        AND d.updated_at >= to_timestamp($4::float8 / 1000)
      ORDER BY d.updated_at DESC, d.id DESC LIMIT $5)
      ORDER BY at DESC, id DESC LIMIT $5) AS candidate`,
})

const ENDED_BADLY = `n.status IN ('failed', 'uncertain') AND n.digest_id IS NULL AND n.reason IS DISTINCT FROM 'offline'`
const OFFLINE = `n.status = 'failed' AND n.digest_id IS NULL AND n.reason = 'offline'`

export const SCAN = scanStatement('dead', ENDED_BADLY, 'd.redriven_at IS NULL')
export const SCAN_OFFLINE = scanStatement('offline', OFFLINE, 'd.redriven_at IS NULL')
export const SCAN_REDRIVEN = scanStatement('redriven', ENDED_BADLY, 'd.redriven_at IS NOT NULL')

const count = ({ name, text }: Statement): Statement => ({
  name: `${name}_count`,
  text: `SELECT count(*) FILTER (WHERE fits) AS fits FROM (${text}) AS looked_at`,
})
const COUNTS = new Map([SCAN, SCAN_OFFLINE, SCAN_REDRIVEN].map((one) => [one, count(one)]))

/** Finds up to `limit` that fit; fewer with a `next` where they are rare. */
export async function scan(
  store: Store,
  tenantId: string,
  filter: DeadLetterFilter,
  { limit, after }: { readonly limit: number; readonly after: Place },
): Promise<Scan> {
  const found: Found[] = []
  let at = after
  let size = limit + 1
  for (let left = MOST_LOOKED_AT; left > 0; left -= size, size = Math.min(size * 4, MOST_AT_ONCE)) {
    const values = valuesOf(tenantId, filter, at, size)
    const rows = await store.run<Candidate>(statementFor(filter), values)
    found.push(...rows.filter(({ fits }) => fits))
    if (found.length > limit) {
      const page = found.slice(0, limit)
      return { found: page, next: page.at(-1) ?? null }
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < size) return { found, next: null }
    at = last
  }
  return { found, next: at }
}

/** How many fit of those that come next. */
export async function countNext(
  store: Store,
  tenantId: string,
  filter: DeadLetterFilter,
  after: Place,
): Promise<number> {
  const statement = COUNTS.get(statementFor(filter)) ?? count(statementFor(filter))
  const [row] = await store.run<{ fits: number }>(
    statement,
    valuesOf(tenantId, filter, after, MOST_LOOKED_AT),
  )
  return row?.fits ?? 0
}

/** Where a list begins: after the last of the page before, and before `until`. */
export function beginning({ until }: DeadLetterFilter, cursor: string | null): Place {
  const start = { us: until === null ? END_OF_TIME : Math.max(0, until) * 1_000, id: '' }
  if (cursor === null) return start
  const [us = '', id = ''] = readCursor(cursor, 2)
  if (!/^\d{1,16}$/.test(us) || !/^[\w-]{0,64}$/.test(id)) {
    throw Failure.field('validation_failed', '/cursor', 'must be the next_cursor of an earlier page')
  }
  return Number(us) < start.us ? { us: Number(us), id } : start
}

export const placeCursor = (place: Place | null): string | null =>
  place === null ? null : cursorOf([`${place.us}`, place.id])

function statementFor({ reason, status }: DeadLetterFilter): Statement {
  if (status === 'redriven') return SCAN_REDRIVEN
  return reason === 'offline' ? SCAN_OFFLINE : SCAN
}

function valuesOf(
  tenantId: string,
  { kind, channel, reason, status, topic, eventType, since }: DeadLetterFilter,
  { us, id }: Place,
  size: number,
): readonly unknown[] {
  const ofEvents = topic !== null || eventType !== null || status === 'dead' || status === 'redriven'
  const ofNotifications = channel !== null || status === 'failed' || status === 'uncertain'
  const wantsNotifications = kind !== 'event' && !ofEvents
  const wantsEvents = kind !== 'notification' && !ofNotifications
  const statusOfRow = wantsNotifications ? status : null
  const from = since ?? 0
  return [
    tenantId,
    us,
    id,
    from,
    size,
    channel,
    reason,
    statusOfRow,
    topic,
    eventType,
    wantsNotifications,
    wantsEvents,
  ]
}
