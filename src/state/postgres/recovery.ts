import { type Channel, COSTLY, type Priority, type Status } from '../../model/notification.js'
import { priorityOf } from '../../model/priority.js'
import type { Statement, Store } from './store.js'

/** A pending notification as the queue needs to know it. */
export interface PendingEntry {
  readonly id: string
  readonly tenantId: string
  readonly channel: Channel
  readonly priority: Priority
  readonly dueAt: number
  readonly admitted: boolean
}

interface PendingRow {
  readonly id: string
  readonly tenant_id: string
  readonly channel: Channel
  readonly priority: number
  readonly due_at: number
  readonly admitted: boolean
}

const COLUMNS = 'id, tenant_id, channel, priority, due_at, admitted'

/** The place is text, because it has microseconds and a number would lose them. */
const DUE_BETWEEN: Statement = {
  name: 'recovery_due_between',
  text: `SELECT ${COLUMNS}, due_at::text AS place FROM notifications
    WHERE status = 'pending' AND digest_id IS NULL AND due_at <= to_timestamp($3::float8 / 1000)
      AND (due_at, id) > ($1::timestamptz, $2)
    ORDER BY due_at, id LIMIT $4`,
}

const OLDEST_DUE: Statement = {
  name: 'recovery_oldest_due',
  text: `SELECT min(due_at) AS due_at FROM notifications WHERE status = 'pending' AND digest_id IS NULL AND due_at <= now()`,
}

/** One that has brought down its worker this often does not get another. */
const MOST_ATTEMPTS = 25

/** Its worker may have sent it before it was lost. */
const DOUBTFUL = `channel IN (${[...COSTLY].map((channel) => `'${channel}'`).join(', ')})`

const RETURN_LEASES: Statement = {
  name: 'recovery_return_leases',
  text: `UPDATE notifications SET
      status = CASE WHEN ${DOUBTFUL} THEN 'uncertain' WHEN attempt - earlier_attempts >= ${MOST_ATTEMPTS} THEN 'failed' ELSE 'pending' END,
      reason = CASE WHEN ${DOUBTFUL} OR attempt - earlier_attempts >= ${MOST_ATTEMPTS} THEN 'abandoned' ELSE reason END,
      lease_token = NULL, lease_until = NULL, updated_at = now()
    WHERE id IN (
      SELECT id FROM notifications WHERE status = 'sending' AND lease_until < now()
      ORDER BY lease_until LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING ${COLUMNS}, status`,
}

export interface ReturnedLeases {
  readonly pending: readonly PendingEntry[]
  /** Tried too often, or not to be sent twice: they have ended. */
  readonly abandoned: readonly (PendingEntry & { readonly status: Status })[]
}

/** What the sweeper asks the ledger. */
export class Recovery {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Pages through the pending rows that are due after `after` and not later than `until`, earliest first. */
  async *dueBetween(after: number, until: number, pageSize: number): AsyncGenerator<readonly PendingEntry[]> {
    let place = new Date(after).toISOString()
    let id = ''
    for (;;) {
      const values = [place, id, until, pageSize]
      const rows = await this.#store.run<PendingRow & { place: string }>(DUE_BETWEEN, values)
      if (rows.length > 0) yield rows.map(toEntry)
      const last = rows.at(-1)
      if (last === undefined || rows.length < pageSize) return
      place = last.place
      id = last.id
    }
  }

  /** When the oldest pending notification that is due was due; null when there is none. */
  async oldestDue(): Promise<number | null> {
    const [row] = await this.#store.run<{ due_at: number | null }>(OLDEST_DUE)
    return row?.due_at ?? null
  }

  /** Takes back the leases of workers that did not come back. */
  async returnLeases(limit: number): Promise<ReturnedLeases> {
    const rows = await this.#store.run<PendingRow & { status: Status }>(RETURN_LEASES, [limit])
    const isPending = ({ status }: { status: string }): boolean => status === 'pending'
    return {
      pending: rows.filter(isPending).map(toEntry),
      abandoned: rows
        .filter((row) => !isPending(row))
        .map((row) => ({ ...toEntry(row), status: row.status })),
    }
  }
}

const toEntry = (row: PendingRow): PendingEntry => ({
  id: row.id,
  tenantId: row.tenant_id,
  channel: row.channel,
  priority: priorityOf(row.priority),
  dueAt: row.due_at,
  admitted: row.admitted,
})
