import { Failure } from '../../model/failure.js'
import type { Channel, Status } from '../../model/notification.js'
import type { Statement, Store } from './store.js'

/** By their ids, and not by the partial index of what ended badly. */
const ENDED_BADLY = (status: string): string => `(${status} || '') IN ('failed', 'uncertain')`

/**
 * Sends what ended badly through the stages again, with its retries anew. What a digest held went down with it
 * and comes up with it. The locks are taken in one order, so that two that redrive the same do not wait in a circle.
 * A row that was changed while this waited for its lock is looked at again, but all others are seen as they were
 * when the statement began: what has been redriven and has failed meanwhile, perhaps with a fallback that cannot be
 * seen yet, is told by when it was changed.
 */
export const REDRIVE: Statement = {
  name: 'dead_letters_redrive',
  text: `WITH redriven AS (
      UPDATE notifications n SET status = 'pending', reason = 'redriven', admitted = false, due_at = now(),
        earlier_attempts = n.attempt, lease_token = NULL, lease_until = NULL, sent_at = NULL, updated_at = now()
      WHERE n.id = ANY(ARRAY(
        SELECT d.id FROM notifications d
        WHERE d.id = ANY($2::text[]) AND d.tenant_id = $1 AND ${ENDED_BADLY('d.status')} AND d.digest_id IS NULL
          AND (d.expires_at IS NULL OR d.expires_at > now())
          AND (SELECT c.id FROM notifications c WHERE c.parent_id = d.id LIMIT 1) IS NULL
          AND d.updated_at = (SELECT before.updated_at FROM notifications before WHERE before.id = d.id)
        ORDER BY d.id FOR UPDATE))
      RETURNING n.id, n.channel, n.due_at, n.traceparent
    ), members AS (
      UPDATE notifications m SET status = 'pending', reason = 'digest', sent_at = NULL, updated_at = now()
      WHERE m.digest_id = ANY(ARRAY(SELECT id FROM redriven)) AND ${ENDED_BADLY('m.status')}
    )
    SELECT id, channel, due_at, traceparent FROM redriven`,
}

const WHY_NOT: Statement = {
  name: 'dead_letters_why_not',
  text: `SELECT n.id, n.status, n.digest_id, n.expires_at <= now() AS expired,
      (SELECT c.id FROM notifications c WHERE c.parent_id = n.id LIMIT 1) AS instead
    FROM notifications n WHERE n.id = ANY($2::text[]) AND n.tenant_id = $1`,
}

/** A digest takes up to a thousand other rows with it. */
const MOST_AT_ONCE = 1_000
const MOST_DIGESTS_AT_ONCE = 20

export interface RedrivenRow {
  readonly id: string
  readonly channel: Channel
  readonly due_at: number
  readonly traceparent: string | null
}

interface ReasonRow {
  readonly id: string
  readonly status: Status
  readonly digest_id: string | null
  readonly expired: boolean | null
  readonly instead: string | null
}

/** What is asked to be redriven. */
export interface Wanted {
  readonly id: string
  readonly isDigest: boolean
}

/** Portions of which each is written in good time. */
export function portions(wanted: readonly Wanted[]): readonly (readonly string[])[] {
  const cut = (some: readonly Wanted[], most: number): string[][] =>
    Array.from({ length: Math.ceil(some.length / most) }, (_, n) =>
      some.slice(n * most, (n + 1) * most).map(({ id }) => id),
    )
  const isDigest = (one: Wanted): boolean => one.isDigest
  return [
    ...cut(
      wanted.filter((one) => !isDigest(one)),
      MOST_AT_ONCE,
    ),
    ...cut(wanted.filter(isDigest), MOST_DIGESTS_AT_ONCE),
  ]
}

export const redrive = (store: Store, tenantId: string, ids: readonly string[]): Promise<RedrivenRow[]> =>
  store.run<RedrivenRow>(REDRIVE, [tenantId, ids])

/** Why each of these was not redriven. */
export async function refusals(
  store: Store,
  tenantId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Failure>> {
  const rows = ids.length === 0 ? [] : await store.run<ReasonRow>(WHY_NOT, [tenantId, ids])
  const known = new Map(rows.map((row) => [row.id, row]))
  return new Map(ids.map((id) => [id, refusal(known.get(id))]))
}

function refusal(row: ReasonRow | undefined): Failure {
  if (row === undefined) return new Failure('not_found', 'there is no such notification')
  const { status, digest_id: digest, instead, expired } = row
  if (status !== 'failed' && status !== 'uncertain') return conflict(`the notification is ${status}`)
  if (digest !== null) return conflict(`it went out with the digest ${digest}: redrive that one`)
  if (instead !== null) return conflict(`${instead} has taken its place: redrive that one if it failed, too`)
  if (expired === true) return conflict('it has expired')
  return conflict('it has just been redriven')
}

const conflict = (message: string): Failure => new Failure('conflict', message)
