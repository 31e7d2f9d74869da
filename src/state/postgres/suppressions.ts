import type { Page, PageQuery, SuppressedAddress, SuppressionRecord, Suppressions } from '../../api/ports.js'
import { canonicalAddress } from '../../model/address.js'
import { CHANNELS, type Channel } from '../../model/notification.js'
import type { SuppressionReason } from '../../model/recipient.js'
import { cursorOf, readCursor } from '../key-cursor.js'
import type { PostgresRecipients } from './recipients.js'
import type { Statement, Store } from './store.js'

const COLUMNS = 's.channel, s.address, s.reason, s.note, s.created_at'

const ADD: Statement = {
  name: 'suppressions_add',
  text: `INSERT INTO suppressions AS s (tenant_id, channel, address, reason, note) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, channel, address) DO UPDATE SET reason = excluded.reason, note = excluded.note
    RETURNING ${COLUMNS}`,
}

const REMOVE: Statement = {
  name: 'suppressions_remove',
  text: 'DELETE FROM suppressions WHERE tenant_id = $1 AND channel = $2 AND address = $3 RETURNING true',
}

const FIND: Statement = {
  name: 'suppressions_find',
  text: `SELECT ${COLUMNS} FROM json_to_recordset($2::json) AS wanted(channel text, address text), LATERAL (
      SELECT * FROM suppressions s
      WHERE s.tenant_id = $1 AND s.channel = wanted.channel AND s.address = wanted.address OFFSET 0) AS s`,
}

const LIST: Statement = {
  name: 'suppressions_list',
  text: `SELECT ${COLUMNS} FROM suppressions s
    WHERE s.tenant_id = $1 AND s.channel = ANY($2) AND (s.channel, s.address) > ($3, $4)
    ORDER BY s.channel, s.address LIMIT $5`,
}

interface SuppressionRow {
  readonly channel: Channel
  readonly address: string
  readonly reason: SuppressionReason
  readonly note: string | null
  readonly created_at: number
}

/** Addresses to which nothing is sent: they bounced, complained, or were named by the operator. */
export class PostgresSuppressions implements Suppressions {
  readonly #store: Store
  readonly #known: Pick<PostgresRecipients, 'forgetAddress'>

  /** @param known what is remembered of addresses that change here */
  constructor(store: Store, known: Pick<PostgresRecipients, 'forgetAddress'>) {
    this.#store = store
    this.#known = known
  }

  async add(
    address: SuppressedAddress,
    reason: SuppressionReason,
    note: string | null,
  ): Promise<SuppressionRecord> {
    const [row] = await this.#store.run<SuppressionRow>(ADD, [...keyOf(address), reason, note])
    this.#known.forgetAddress(address)
    if (row === undefined) throw new Error('PostgreSQL gave no row for one that it wrote')
    return toSuppression(row)
  }

  async remove(address: SuppressedAddress): Promise<boolean> {
    const rows = await this.#store.run(REMOVE, keyOf(address))
    this.#known.forgetAddress(address)
    return rows.length > 0
  }

  async list(
    tenantId: string,
    { channel, address }: { readonly channel: Channel | null; readonly address: string | null },
    { limit, cursor }: PageQuery,
  ): Promise<Page<SuppressionRecord>> {
    const channels = channel === null ? CHANNELS : [channel]
    if (address !== null) {
      const found = await findSuppressions(
        this.#store,
        channels.map((one) => ({ tenantId, channel: one, address })),
      )
      return { items: found, nextCursor: null }
    }
    const values = [tenantId, channels, ...readCursor(cursor, 2), limit + 1]
    const rows = await this.#store.run<SuppressionRow>(LIST, values)
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return {
      items: rows.slice(0, limit).map(toSuppression),
      nextCursor: last === undefined ? null : cursorOf([last.channel, last.address]),
    }
  }
}

/** Those of some addresses of one tenant that are suppressed. */
export async function findSuppressions(
  store: Store,
  addresses: readonly SuppressedAddress[],
): Promise<readonly SuppressionRecord[]> {
  const [first] = addresses
  if (first === undefined) return []
  const wanted = addresses.map(({ channel, address }) => ({
    channel,
    address: canonicalAddress(channel, address),
  }))
  const rows = await store.run<SuppressionRow>(FIND, [first.tenantId, JSON.stringify(wanted)])
  return rows.map(toSuppression)
}

const keyOf = ({ tenantId, channel, address }: SuppressedAddress): readonly string[] => [
  tenantId,
  channel,
  canonicalAddress(channel, address),
]

const toSuppression = (row: SuppressionRow): SuppressionRecord => ({
  channel: row.channel,
  address: row.address,
  reason: row.reason,
  note: row.note,
  createdAt: row.created_at,
})
