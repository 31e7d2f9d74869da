import type { NotificationRecord, ReadChange } from '../../api/ports.js'
import type { UserAddress } from '../../streams/ports.js'
import { RECORD_COLUMNS, type RecordRow, toRecord } from './records.js'
import type { Statement, Store } from './store.js'

const UNREAD = `channel = 'in_app' AND status = 'sent' AND read_at IS NULL AND archived_at IS NULL AND digest_id IS NULL`

const ASSIGNMENTS: Record<ReadChange, string> = {
  read: 'read_at = coalesce(n.read_at, now())',
  unread: 'read_at = NULL',
  archive: 'archived_at = coalesce(n.archived_at, now())',
}

/** Locks the row first, so that of ten equal changes at once exactly one moves the count. */
const change = (name: ReadChange): Statement => ({
  name: `notifications_${name}`,
  text: `WITH before AS (
      SELECT id, (${UNREAD}) AS unread, read_at AS was_read_at, archived_at AS was_archived_at FROM notifications
      WHERE id = $1 AND tenant_id = $2 AND user_id = $3 FOR UPDATE
    ), after AS (
      UPDATE notifications n SET ${ASSIGNMENTS[name]}, updated_at = now()
      FROM before WHERE n.id = before.id
      RETURNING ${RECORD_COLUMNS}
    )
    SELECT after.*, (${UNREAD})::int - before.unread::int AS delta,
      (read_at, archived_at) IS DISTINCT FROM (was_read_at, was_archived_at) AS changed
    FROM after JOIN before USING (id)`,
})

const CHANGES: Record<ReadChange, Statement> = {
  read: change('read'),
  unread: change('unread'),
  archive: change('archive'),
}

const READ_ALL: Statement = {
  name: 'notifications_read_all',
  text: `UPDATE notifications SET read_at = now(), updated_at = now()
    WHERE tenant_id = $1 AND user_id = $2 AND ${UNREAD} RETURNING id`,
}

const COUNT_UNREAD: Statement = {
  name: 'notifications_count_unread',
  text: `SELECT count(*) AS unread FROM notifications WHERE tenant_id = $1 AND user_id = $2 AND ${UNREAD}`,
}

export interface ReadStateChange {
  readonly record: NotificationRecord
  /** False: it was so already. */
  readonly changed: boolean
  /** What the change did to the unread count: -1, 0 or 1. */
  readonly delta: number
}

/** What users have read and put away. */
export class ReadState {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async change(user: UserAddress, id: string, name: ReadChange): Promise<ReadStateChange | null> {
    const values = [id, user.tenantId, user.userId]
    const [row] = await this.#store.run<RecordRow & Omit<ReadStateChange, 'record'>>(CHANGES[name], values)
    return row === undefined ? null : { record: toRecord(row), changed: row.changed, delta: row.delta }
  }

  /** Resolves to how many were unread. */
  async readAll({ tenantId, userId }: UserAddress): Promise<number> {
    return (await this.#store.run(READ_ALL, [tenantId, userId])).length
  }

  async countUnread({ tenantId, userId }: UserAddress): Promise<number> {
    const [row] = await this.#store.run<{ unread: number }>(COUNT_UNREAD, [tenantId, userId])
    return row?.unread ?? 0
  }
}
