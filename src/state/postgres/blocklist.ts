import type { Blocklist, BlockRecord, Page, PageQuery } from '../../api/ports.js'
import type { UserAddress } from '../../streams/ports.js'
import { cursorOf, readCursor } from '../key-cursor.js'
import type { PostgresRecipients } from './recipients.js'
import type { Statement, Store } from './store.js'

const COLUMNS = 'b.user_id, b.reason, b.created_by, b.created_at'

export const FIND_BLOCK: Statement = {
  name: 'blocklist_find',
  text: `SELECT ${COLUMNS} FROM blocklist b WHERE b.tenant_id = $1 AND b.user_id = $2`,
}

const ADD: Statement = {
  name: 'blocklist_add',
  text: `INSERT INTO blocklist AS b (tenant_id, user_id, reason, created_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET reason = excluded.reason RETURNING ${COLUMNS}`,
}

const REMOVE: Statement = {
  name: 'blocklist_remove',
  text: 'DELETE FROM blocklist WHERE tenant_id = $1 AND user_id = $2 RETURNING true',
}

const LIST: Statement = {
  name: 'blocklist_list',
  text: `SELECT ${COLUMNS} FROM blocklist b WHERE b.tenant_id = $1 AND b.user_id > $2
    ORDER BY b.user_id LIMIT $3`,
}

export interface BlockRow {
  readonly user_id: string
  readonly reason: string | null
  readonly created_by: string
  readonly created_at: number
}

/** Users to whom nothing is sent, by decision of the operator. */
export class PostgresBlocklist implements Blocklist {
  readonly #store: Store
  readonly #known: Pick<PostgresRecipients, 'forgetUser'>

  /** @param known what is remembered of those who change here */
  constructor(store: Store, known: Pick<PostgresRecipients, 'forgetUser'>) {
    this.#store = store
    this.#known = known
  }

  async add(user: UserAddress, reason: string | null, createdBy: string): Promise<BlockRecord> {
    const [row] = await this.#store.run<BlockRow>(ADD, [user.tenantId, user.userId, reason, createdBy])
    this.#known.forgetUser(user)
    if (row === undefined) throw new Error('PostgreSQL gave no row for one that it wrote')
    return toBlock(row)
  }

  async remove(user: UserAddress): Promise<boolean> {
    const rows = await this.#store.run(REMOVE, [user.tenantId, user.userId])
    this.#known.forgetUser(user)
    return rows.length > 0
  }

  async list(tenantId: string, { limit, cursor }: PageQuery): Promise<Page<BlockRecord>> {
    const rows = await this.#store.run<BlockRow>(LIST, [tenantId, ...readCursor(cursor, 1), limit + 1])
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return {
      items: rows.slice(0, limit).map(toBlock),
      nextCursor: last === undefined ? null : cursorOf([last.user_id]),
    }
  }
}

export const toBlock = (row: BlockRow): BlockRecord => ({
  userId: row.user_id,
  reason: row.reason,
  createdBy: row.created_by,
  createdAt: row.created_at,
})
