import type { Directory, DirectoryEntry, DirectoryRecord, LocalPreferences } from '../../api/ports.js'
import { canonicalAddress } from '../../model/address.js'
import type { Device } from '../../model/device.js'
import type { QuietWindow } from '../../model/recipient.js'
import type { UserAddress } from '../../streams/ports.js'
import type { PostgresRecipients } from './recipients.js'
import type { Statement, Store } from './store.js'

const COLUMNS =
  'r.user_id, r.email, r.phone, r.locale, r.timezone, r.quiet_hours, r.devices, r.created_at, r.updated_at'

export const FIND_ENTRY: Statement = {
  name: 'recipients_find',
  text: `SELECT ${COLUMNS} FROM recipients r WHERE r.tenant_id = $1 AND r.user_id = $2`,
}

/** In the order of their ids, so that two that write the same users never wait for each other in a circle. */
const PUT: Statement = {
  name: 'recipients_put',
  text: `INSERT INTO recipients AS r
      (tenant_id, user_id, email, email_canonical, phone, locale, timezone, quiet_hours, devices)
    SELECT $1, incoming.* FROM json_to_recordset($2::json) AS incoming(user_id text, email text,
      email_canonical text, phone text, locale text, timezone text, quiet_hours jsonb, devices jsonb)
    ORDER BY incoming.user_id
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET
      email = excluded.email, email_canonical = excluded.email_canonical, phone = excluded.phone,
      locale = excluded.locale, timezone = excluded.timezone, quiet_hours = excluded.quiet_hours,
      devices = excluded.devices, updated_at = now()
    RETURNING ${COLUMNS}`,
}

const PREFER: Statement = {
  name: 'recipients_prefer',
  text: `INSERT INTO recipients AS r (tenant_id, user_id, locale, timezone, quiet_hours)
    SELECT $1, $2, locale, timezone, quiet_hours
    FROM json_to_record($3::json) AS incoming(locale text, timezone text, quiet_hours jsonb)
    ON CONFLICT (tenant_id, user_id) DO UPDATE SET
      locale = CASE WHEN $3::jsonb ? 'locale' THEN excluded.locale ELSE r.locale END,
      timezone = CASE WHEN $3::jsonb ? 'timezone' THEN excluded.timezone ELSE r.timezone END,
      quiet_hours = CASE WHEN $3::jsonb ? 'quiet_hours' THEN excluded.quiet_hours ELSE r.quiet_hours END,
      updated_at = now()
    RETURNING ${COLUMNS}`,
}

export interface EntryRow {
  readonly user_id: string
  readonly email: string | null
  readonly phone: string | null
  readonly locale: string | null
  readonly timezone: string | null
  readonly quiet_hours: readonly QuietWindow[] | null
  readonly devices: readonly Device[]
  readonly created_at: number
  readonly updated_at: number
}

/** The recipients directory. */
export class PostgresDirectory implements Directory {
  readonly #store: Store
  readonly #known: Pick<PostgresRecipients, 'forgetUser'>

  /** @param known what is remembered of those who change here */
  constructor(store: Store, known: Pick<PostgresRecipients, 'forgetUser'>) {
    this.#store = store
    this.#known = known
  }

  async find({ tenantId, userId }: UserAddress): Promise<DirectoryRecord | null> {
    const [row] = await this.#store.run<EntryRow>(FIND_ENTRY, [tenantId, userId])
    return row === undefined ? null : toEntry(row)
  }

  async put(tenantId: string, entries: readonly DirectoryEntry[]): Promise<readonly DirectoryRecord[]> {
    const rows = await this.#store.run<EntryRow>(PUT, [tenantId, JSON.stringify(entries.map(incoming))])
    for (const { userId } of entries) this.#known.forgetUser({ tenantId, userId })
    const written = new Map(rows.map((row) => [row.user_id, toEntry(row)]))
    return entries.flatMap(({ userId }) => written.get(userId) ?? [])
  }

  async prefer(user: UserAddress, changes: Partial<LocalPreferences>): Promise<DirectoryRecord> {
    // JSON leaves out what is undefined.
    const { locale, timezone, quietHours } = changes
    const incoming = JSON.stringify({ locale, timezone, quiet_hours: quietHours })
    const [row] = await this.#store.run<EntryRow>(PREFER, [user.tenantId, user.userId, incoming])
    this.#known.forgetUser(user)
    if (row === undefined) throw new Error('PostgreSQL gave no row for one that it wrote')
    return toEntry(row)
  }
}

export const toEntry = (row: EntryRow): DirectoryRecord => ({
  userId: row.user_id,
  email: row.email,
  phone: row.phone,
  locale: row.locale,
  timezone: row.timezone,
  quietHours: row.quiet_hours,
  devices: row.devices,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

const incoming = (entry: DirectoryEntry): object => ({
  user_id: entry.userId,
  email: entry.email,
  email_canonical: entry.email === null ? null : canonicalAddress('email', entry.email),
  phone: entry.phone,
  locale: entry.locale,
  timezone: entry.timezone,
  quiet_hours: entry.quietHours,
  devices: entry.devices,
})
