import type { JsonObject } from '../../model/json.js'
import { priorityOf } from '../../model/priority.js'
import type { Missed, Shown, Since, UserAddress } from '../../streams/ports.js'
import type { Statement, Store } from './store.js'

/**
 * Rows carry the time at which their transaction began, and what began later may have been seen earlier: so much
 * before the last one that was seen is given once more.
 */
const OVERLAP = `interval '2 seconds'`

/**
 * Where to begin: no later than the notification was shown. One that failed has no time of sending, and what was
 * redriven may have been shown before that.
 */
const SEEN_AT = `SELECT CASE
    WHEN n.earlier_attempts > 0 THEN n.created_at WHEN n.status = 'sent' THEN n.sent_at ELSE n.due_at END
  FROM notifications n WHERE n.id = $3 AND n.tenant_id = $1 AND n.user_id = $2`

/** Both parts read their index in its order, from the end. */
export const MISSED_SINCE: Statement = {
  name: 'notifications_missed_since',
  text: `WITH place AS MATERIALIZED (
      SELECT CASE WHEN $3::text IS NULL THEN to_timestamp($4::float8 / 1000) ELSE (${SEEN_AT}) END - ${OVERLAP} AS at
    )
    SELECT place.at IS NOT NULL AS known, missed.id FROM place LEFT JOIN LATERAL (
      (SELECT n.id, n.sent_at AS at FROM notifications n
        WHERE n.tenant_id = $1 AND n.user_id = $2 AND n.channel = 'in_app' AND n.status = 'sent' AND n.digest_id IS NULL
          AND n.sent_at > place.at AND n.archived_at IS NULL AND n.id IS DISTINCT FROM $3
        ORDER BY n.sent_at, n.id LIMIT $5)
      UNION ALL
      (SELECT n.id, coalesce(n.sent_at, n.updated_at) AS at FROM notifications n
        WHERE n.tenant_id = $1 AND n.user_id = $2 AND n.channel = 'websocket'
          AND n.status IN ('sending', 'sent', 'failed') AND n.digest_id IS NULL
          AND coalesce(n.sent_at, n.updated_at) > place.at AND n.id IS DISTINCT FROM $3
          AND (n.expires_at IS NULL OR n.expires_at > now())
          AND NOT EXISTS (SELECT FROM notifications f WHERE f.parent_id = n.id)
        ORDER BY coalesce(n.sent_at, n.updated_at), n.id LIMIT $5)
    ) AS missed ON true
    ORDER BY missed.at, missed.id LIMIT $5`,
}

const READ: Statement = {
  name: 'notifications_missed_read',
  text: `SELECT n.id, n.title, n.content, n.priority, n.metadata, coalesce(n.sent_at, n.updated_at) AS shown_at,
      n.read_at IS NOT NULL AS is_read
    FROM notifications n WHERE n.id = ANY($3) AND n.tenant_id = $1 AND n.user_id = $2`,
}

interface ShownRow {
  readonly id: string
  readonly title: string
  readonly content: string
  readonly priority: number
  readonly metadata: JsonObject
  readonly shown_at: number
  readonly is_read: boolean
}

/** What a client has missed, as the rows know it. */
export class PostgresMissed implements Missed {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async since(
    { tenantId, userId }: UserAddress,
    since: Since,
    max: number,
  ): Promise<readonly string[] | null> {
    const place = 'id' in since ? [since.id, null] : [null, since.at]
    const rows = await this.#store.run<{ known: boolean; id: string | null }>(MISSED_SINCE, [
      tenantId,
      userId,
      ...place,
      max,
    ])
    if (rows[0]?.known !== true) return null
    return rows.flatMap(({ id }) => (id === null ? [] : [id]))
  }

  async read({ tenantId, userId }: UserAddress, ids: readonly string[]): Promise<readonly Shown[]> {
    const rows = await this.#store.run<ShownRow>(READ, [tenantId, userId, ids])
    const byId = new Map(rows.map((row) => [row.id, row]))
    return ids.flatMap((id) => {
      const row = byId.get(id)
      return row === undefined ? [] : [toShown(row)]
    })
  }
}

const toShown = ({ id, title, content, priority, metadata, shown_at, is_read }: ShownRow): Shown => ({
  id,
  title,
  content,
  priority: priorityOf(priority),
  metadata,
  shownAt: shown_at,
  isRead: is_read,
})
