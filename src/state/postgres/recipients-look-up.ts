import { canonicalAddress } from '../../model/address.js'
import type { Device } from '../../model/device.js'
import type { Channel } from '../../model/notification.js'
import type { QuietWindow, Recipient, Subscription, SuppressionReason } from '../../model/recipient.js'
import type { UserAddress } from '../../streams/ports.js'
import type { Statement, Store } from './store.js'

/**
 * Every part is a subquery of its own, so that each key is looked up by an index whatever the planner
 * believes about the sizes of the tables. `OFFSET 0` keeps it from running those of the filter twice.
 */
const LOOK_UP: Statement = {
  name: 'recipients_look_up',
  text: `SELECT (
      SELECT json_agg(known) FROM (
        SELECT wanted.tenant_id, wanted.user_id,
          (SELECT row_to_json(entry) FROM (
            SELECT email, phone, devices, locale, timezone, quiet_hours, (
              SELECT reason FROM suppressions s
              WHERE s.tenant_id = r.tenant_id AND s.channel = 'email' AND s.address = r.email_canonical) AS suppression
            FROM recipients r WHERE r.tenant_id = wanted.tenant_id AND r.user_id = wanted.user_id) AS entry) AS entry,
          (SELECT true FROM blocklist b
            WHERE b.tenant_id = wanted.tenant_id AND b.user_id = wanted.user_id) AS blocked,
          (SELECT json_agg(json_build_array(scope, notification_type, channel, enabled, frequency))
            FROM subscriptions s WHERE s.tenant_id = wanted.tenant_id AND s.user_id = wanted.user_id) AS rules
        FROM json_to_recordset($1::json) AS wanted(tenant_id text, user_id text) OFFSET 0) AS known
      WHERE entry IS NOT NULL OR blocked OR rules IS NOT NULL) AS users, (
      SELECT json_agg(known) FROM (
        SELECT tenant_id, channel, address, (
          SELECT reason FROM suppressions s WHERE s.tenant_id = wanted.tenant_id
            AND s.channel = wanted.channel AND s.address = wanted.address) AS reason
        FROM json_to_recordset($2::json) AS wanted(tenant_id text, channel text, address text) OFFSET 0) AS known
      WHERE reason IS NOT NULL) AS suppressions`,
}

interface UserRow {
  readonly tenant_id: string
  readonly user_id: string
  readonly entry: {
    readonly email: string | null
    readonly phone: string | null
    readonly devices: readonly Device[]
    readonly locale: string | null
    readonly timezone: string | null
    readonly quiet_hours: readonly QuietWindow[] | null
    readonly suppression: SuppressionReason | null
  } | null
  readonly blocked: true | null
  readonly rules:
    | readonly (readonly [Subscription['scope'], string, Channel | '', boolean, Subscription['frequency']])[]
    | null
}

interface AnswerRow {
  readonly users: readonly UserRow[] | null
  readonly suppressions:
    | readonly {
        readonly tenant_id: string
        readonly channel: string
        readonly address: string
        readonly reason: SuppressionReason
      }[]
    | null
}

/** No name holds a line end, so that the parts can be told apart. */
export const userKey = ({ tenantId, userId }: UserAddress): string => `${tenantId}\n${userId}`

/** @param address in its canonical spelling */
export const addressKey = (tenantId: string, channel: string, address: string): string =>
  `${tenantId}\n${channel}\n${address}`

/** One look into the tables: what is asked for at the same moment goes in one statement. */
export class LookUp {
  readonly #store: Store
  #users: readonly string[] = []
  #addresses: readonly string[] = []
  #answer: Promise<AnswerRow> | null = null
  #sent = false

  constructor(store: Store) {
    this.#store = store
  }

  async users(keys: readonly string[]): Promise<ReadonlyMap<string, Recipient>> {
    if (this.#sent) return new LookUp(this.#store).users(keys)
    this.#users = keys
    const { users } = await this.#ask()
    return new Map((users ?? []).map((row) => [keyOf(row), toRecipient(row)]))
  }

  async suppressions(keys: readonly string[]): Promise<ReadonlyMap<string, SuppressionReason>> {
    if (this.#sent) return new LookUp(this.#store).suppressions(keys)
    this.#addresses = keys
    const { suppressions } = await this.#ask()
    return new Map(
      (suppressions ?? []).map((row) => [addressKey(row.tenant_id, row.channel, row.address), row.reason]),
    )
  }

  /** Of addresses in the directory: as they came with their users, or by another look where those were known already. */
  async withUsers(keys: readonly string[]): Promise<ReadonlyMap<string, SuppressionReason>> {
    const { users } = (await this.#answer) ?? { users: null }
    const came = new Map((users ?? []).flatMap(suppressionOf))
    if (!keys.every((key) => came.has(key))) return new LookUp(this.#store).suppressions(keys)
    return new Map(keys.flatMap((key) => reasonAt(came, key)))
  }

  /** The statement goes off once everybody has said what they ask for. */
  #ask(): Promise<AnswerRow> {
    this.#answer ??= Promise.resolve().then(async () => {
      this.#sent = true
      const values = [this.#users.map(userOf), this.#addresses.map(addressOf)]
      const [row] = await this.#store.run<AnswerRow>(
        LOOK_UP,
        values.map((value) => JSON.stringify(value)),
      )
      return row ?? { users: null, suppressions: null }
    })
    return this.#answer
  }
}

const keyOf = (row: UserRow): string => userKey({ tenantId: row.tenant_id, userId: row.user_id })

function userOf(key: string): object {
  const [tenant_id, user_id] = key.split('\n')
  return { tenant_id, user_id }
}

function addressOf(key: string): object {
  const [tenant_id, channel, ...address] = key.split('\n')
  return { tenant_id, channel, address: address.join('\n') }
}

function toRecipient({ entry, blocked, rules }: UserRow): Recipient {
  return {
    email: entry?.email ?? null,
    phone: entry?.phone ?? null,
    devices: entry?.devices ?? [],
    locale: entry?.locale ?? null,
    timezone: entry?.timezone ?? null,
    quietHours: entry?.quiet_hours ?? null,
    blocked: blocked ?? false,
    subscriptions: (rules ?? []).map(([scope, name, channel, enabled, frequency]) => ({
      scope,
      name,
      channel: channel === '' ? null : channel,
      enabled,
      frequency,
    })),
  }
}

function suppressionOf({ tenant_id, entry }: UserRow): [string, SuppressionReason | null][] {
  if (entry === null || entry.email === null) return []
  return [[addressKey(tenant_id, 'email', canonicalAddress('email', entry.email)), entry.suppression]]
}

function reasonAt(
  reasons: ReadonlyMap<string, SuppressionReason | null>,
  key: string,
): [string, SuppressionReason][] {
  const reason = reasons.get(key) ?? null
  return reason === null ? [] : [[key, reason]]
}
