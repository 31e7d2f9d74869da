import type { AttemptRecord, ChainLink, InboxQuery, NotificationRecord, Page } from '../../api/ports.js'
import { Failure } from '../../model/failure.js'
import {
  type AttemptRow,
  type ChainRow,
  RECORD_COLUMNS,
  type RecordRow,
  toAttempt,
  toLink,
  toRecord,
} from './records.js'
import type { Statement, Store } from './store.js'

const FIND: Statement = {
  name: 'notifications_find',
  text: `SELECT ${RECORD_COLUMNS} FROM notifications n WHERE n.id = $1 AND n.tenant_id = $2`,
}

const ATTEMPTS: Statement = {
  name: 'notifications_attempts',
  text: `SELECT attempt, result, failure_code, message, provider, provider_id, started_at, duration_ms
    FROM delivery_attempts WHERE notification_id = $1 ORDER BY attempt`,
}

/**
 * From a notification up to the first of its chain and down again. Each step is looked up by itself: the planner
 * takes the chain for long and would read the whole table.
 */
const CHAIN: Statement = {
  name: 'notifications_chain',
  text: `WITH RECURSIVE up AS (
      SELECT id, parent_id, 0 AS steps FROM notifications WHERE id = $1
      UNION ALL
      SELECT parent.id, parent.parent_id, up.steps + 1 FROM up,
        LATERAL (SELECT id, parent_id FROM notifications n WHERE n.id = up.parent_id OFFSET 0) AS parent
    ), chain AS (
      (SELECT id FROM up ORDER BY steps DESC LIMIT 1)
      UNION ALL
      SELECT child.id FROM chain,
        LATERAL (SELECT id FROM notifications n WHERE n.parent_id = chain.id OFFSET 0) AS child
    )
    SELECT n.id, n.channel, n.status, n.reason, n.attempt, n.created_at, n.sent_at
    FROM notifications n WHERE n.id = ANY(ARRAY(SELECT id FROM chain LIMIT 100)) ORDER BY n.id`,
}

const COLLECTED: Statement = {
  name: 'notifications_collected',
  text: 'SELECT id FROM notifications WHERE digest_id = $1 ORDER BY id LIMIT 1000',
}

const FILTERS = `($3::boolean IS NULL OR $3 = (n.read_at IS NULL)) AND $4::boolean = (n.archived_at IS NOT NULL)`

/** In the order in which the user got them. */
const LIST_INBOX: Statement = {
  name: 'notifications_list_inbox',
  text: `SELECT ${RECORD_COLUMNS} FROM notifications n
    WHERE n.tenant_id = $1 AND n.user_id = $2 AND n.channel = 'in_app' AND n.status = 'sent' AND n.digest_id IS NULL AND ${FILTERS}
      AND ($6::text IS NULL OR (n.sent_at, n.id) < (to_timestamp($5::float8 / 1000), $6))
    ORDER BY n.sent_at DESC, n.id DESC LIMIT $7`,
}

/** In the order in which they were accepted: some were never sent. */
const LIST_CHANNEL: Statement = {
  name: 'notifications_list_channel',
  text: `SELECT ${RECORD_COLUMNS} FROM notifications n
    WHERE n.tenant_id = $1 AND n.user_id = $2 AND n.channel = $5 AND n.channel <> 'in_app' AND ${FILTERS}
      AND ($6::text IS NULL OR n.id < $6)
    ORDER BY n.id DESC LIMIT $7`,
}

const CANCEL: Statement = {
  name: 'notifications_cancel',
  text: `UPDATE notifications n SET status = 'cancelled', updated_at = now()
    WHERE n.id = $1 AND n.tenant_id = $2 AND n.status = 'pending' AND n.digest_id IS NULL
    RETURNING ${RECORD_COLUMNS}`,
}

/** Whoever moves a notification moves all of it: it passes the stages at the new time. */
const RESCHEDULE: Statement = {
  name: 'notifications_reschedule',
  text: `UPDATE notifications n SET
      scheduled_at = to_timestamp($3::float8 / 1000), due_at = to_timestamp($3::float8 / 1000),
      admitted = false, reason = 'scheduled', updated_at = now()
    WHERE n.id = $1 AND n.tenant_id = $2 AND n.status = 'pending' AND n.attempt = 0
      AND n.digest_id IS NULL AND n.digest IS NULL RETURNING ${RECORD_COLUMNS}`,
}

/** Every notification there is, for those who ask about one. */
export class Archive {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async find(tenantId: string, id: string): Promise<NotificationRecord | null> {
    return this.#one(FIND, [id, tenantId])
  }

  async attempts(id: string): Promise<readonly AttemptRecord[]> {
    return (await this.#store.run<AttemptRow>(ATTEMPTS, [id])).map(toAttempt)
  }

  async chain(id: string): Promise<readonly ChainLink[]> {
    return (await this.#store.run<ChainRow>(CHAIN, [id])).map(toLink)
  }

  async collected(digestId: string): Promise<readonly string[]> {
    return (await this.#store.run<{ id: string }>(COLLECTED, [digestId])).map(({ id }) => id)
  }

  async list(query: InboxQuery): Promise<Page<NotificationRecord>> {
    const { tenantId, userId, channel, unread, archived, limit, cursor } = query
    const inbox = channel === 'in_app'
    const at = cursor === null ? null : parseCursor(cursor)
    const values = [tenantId, userId, unread, archived, inbox ? at?.sentAt : channel, at?.id, limit + 1]
    const rows = await this.#store.run<RecordRow>(inbox ? LIST_INBOX : LIST_CHANNEL, values)
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return { items: page.map(toRecord), nextCursor: rows.length > limit && last ? cursorOf(last) : null }
  }

  async cancel(tenantId: string, id: string): Promise<NotificationRecord | null> {
    return (await this.#one(CANCEL, [id, tenantId])) ?? this.#tooLate(tenantId, id)
  }

  async reschedule(tenantId: string, id: string, scheduledAt: number): Promise<NotificationRecord | null> {
    return (await this.#one(RESCHEDULE, [id, tenantId, scheduledAt])) ?? this.#tooLate(tenantId, id)
  }

  async #one(statement: Statement, values: readonly unknown[]): Promise<NotificationRecord | null> {
    const [row] = await this.#store.run<RecordRow>(statement, values)
    return row === undefined ? null : toRecord(row)
  }

  async #tooLate(tenantId: string, id: string): Promise<null> {
    const record = await this.find(tenantId, id)
    if (record === null) return null
    throw new Failure('conflict', `the notification is ${record.status} and can no longer be changed`)
  }
}

const cursorOf = ({ sent_at, id }: RecordRow): string =>
  Buffer.from(`${sent_at ?? 0}:${id}`).toString('base64url')

function parseCursor(cursor: string): { sentAt: number; id: string } {
  const match = /^(\d{1,15}):([\w-]{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString())
  if (match?.[1] === undefined || match[2] === undefined) {
    throw Failure.field('validation_failed', '/cursor', 'must be the next_cursor of an earlier page')
  }
  return { sentAt: Number(match[1]), id: match[2] }
}
