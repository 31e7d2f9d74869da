import type { Preferences, SubscriptionFilter, SubscriptionRecord, Unwanted } from '../../api/ports.js'
import { Failure } from '../../model/failure.js'
import type { Channel } from '../../model/notification.js'
import { type Frequency, type Group, groupOf, type Subscription } from '../../model/recipient.js'
import type { UserAddress } from '../../streams/ports.js'
import type { PostgresRecipients } from './recipients.js'
import type { Statement, Store } from './store.js'

/** Requests at the same moment may end a little above. */
const MAX_RULES = 500

const COLUMNS = 's.scope, s.notification_type, s.channel, s.enabled, s.frequency, s.updated_at'
const OF_USER = 's.tenant_id = $1 AND s.user_id = $2'

export const LIST_RULES: Statement = {
  name: 'subscriptions_list',
  text: `SELECT ${COLUMNS} FROM subscriptions s WHERE ${OF_USER}`,
}

const PUT: Statement = {
  name: 'subscriptions_put',
  text: `WITH incoming AS MATERIALIZED (
      SELECT * FROM json_to_recordset($3::json)
        AS i(scope text, notification_type text, channel text, enabled boolean, frequency text)
    ), kept AS MATERIALIZED (
      SELECT ${COLUMNS} FROM subscriptions s
      WHERE ${OF_USER} AND (s.scope, s.notification_type, s.channel) NOT IN (
        SELECT scope, notification_type, channel FROM incoming)
    ), written AS (
      INSERT INTO subscriptions AS s (tenant_id, user_id, scope, notification_type, channel, enabled, frequency)
      SELECT $1, $2, incoming.* FROM incoming
      WHERE (SELECT count(*) FROM kept) + (SELECT count(*) FROM incoming) <= ${MAX_RULES}
      ORDER BY scope, notification_type, channel
      ON CONFLICT (tenant_id, user_id, scope, notification_type, channel) DO UPDATE SET
        enabled = excluded.enabled, frequency = excluded.frequency, updated_at = now()
      RETURNING ${COLUMNS}
    )
    SELECT true AS written, written.* FROM written UNION ALL SELECT false, kept.* FROM kept`,
}

const REMOVE: Statement = {
  name: 'subscriptions_remove',
  text: `DELETE FROM subscriptions s WHERE ${OF_USER} AND ($3::text IS NULL OR s.scope = $3)
      AND ($4::text IS NULL OR s.notification_type = $4) AND ($5::text IS NULL OR s.channel = $5)
    RETURNING true`,
}

/** A link that was used before turns nothing off: since then the user may have decided otherwise. */
const UNSUBSCRIBE: Statement = {
  name: 'subscriptions_unsubscribe',
  text: `WITH used AS (
      INSERT INTO used_unsubscribe_links (tenant_id, notification_id, scope)
      SELECT $1, $4::text, $5 WHERE $4 IS NOT NULL ON CONFLICT DO NOTHING RETURNING true
    ), valid AS MATERIALIZED (SELECT $4 IS NULL OR EXISTS (SELECT FROM used) AS valid
    ), turned AS (
      INSERT INTO subscriptions (tenant_id, user_id, scope, notification_type, channel, enabled, frequency)
      SELECT $1, $2, off.scope, off.notification_type, off.channel, false, 'immediate'
      FROM json_to_recordset($3::json) AS off(scope text, notification_type text, channel text), valid
      WHERE valid ORDER BY 3, 4, 5
      ON CONFLICT (tenant_id, user_id, scope, notification_type, channel) DO UPDATE SET
        enabled = false, updated_at = now()
    )
    SELECT valid FROM valid`,
}

export interface RuleRow {
  readonly scope: Subscription['scope']
  readonly notification_type: string
  readonly channel: Channel | ''
  readonly enabled: boolean
  readonly frequency: Frequency
  readonly updated_at: number
}

/** What users have decided about what they are sent. */
export class PostgresPreferences implements Preferences {
  readonly #store: Store
  readonly #known: Pick<PostgresRecipients, 'forgetUser'>
  readonly #groups: ReadonlyMap<string, Group>

  /**
   * @param known what is remembered of those who change here
   * @param groups of types whose name does not tell it
   */
  constructor(
    store: Store,
    known: Pick<PostgresRecipients, 'forgetUser'>,
    groups: ReadonlyMap<string, Group>,
  ) {
    this.#store = store
    this.#known = known
    this.#groups = groups
  }

  async list({ tenantId, userId }: UserAddress): Promise<readonly SubscriptionRecord[]> {
    return toRules(await this.#store.run<RuleRow>(LIST_RULES, [tenantId, userId]))
  }

  async put(user: UserAddress, rules: readonly Subscription[]): Promise<readonly SubscriptionRecord[]> {
    const values = [user.tenantId, user.userId, JSON.stringify(rules.map(incoming))]
    const rows = await this.#store.run<RuleRow & { readonly written: boolean }>(PUT, values)
    if (rules.length > 0 && !rows.some(({ written }) => written)) {
      const message = `would become more than ${MAX_RULES} for this user`
      throw Failure.field('validation_failed', '/subscriptions', message)
    }
    this.#known.forgetUser(user)
    return toRules(rows)
  }

  async remove(user: UserAddress, { scope, name, channel }: SubscriptionFilter): Promise<number> {
    const rows = await this.#store.run(REMOVE, [user.tenantId, user.userId, scope, name, channel])
    this.#known.forgetUser(user)
    return rows.length
  }

  async unsubscribe(
    user: UserAddress,
    unwanted: Unwanted,
    once: { readonly notificationId: string } | null,
  ): Promise<'done' | 'used_before'> {
    const off = JSON.stringify(await this.#rulesFor(user, unwanted))
    const values = [user.tenantId, user.userId, off, once?.notificationId ?? null, unwanted.kind]
    const [row] = await this.#store.run<{ readonly valid: boolean }>(UNSUBSCRIBE, values)
    this.#known.forgetUser(user)
    return row?.valid === true ? 'done' : 'used_before'
  }

  /** What is to be off, so that nothing more specific keeps on what is unwanted. */
  async #rulesFor(user: UserAddress, unwanted: Unwanted): Promise<readonly object[]> {
    if (unwanted.kind === 'type') {
      return [{ scope: 'type', notification_type: unwanted.notificationType, channel: unwanted.channel }]
    }
    const { group } = unwanted
    const rules = await this.list(user)
    const more = rules.filter(
      ({ scope, name, channel, enabled }) =>
        enabled &&
        ((scope === 'type' && groupOf(name, this.#groups) === group) ||
          (scope === 'group' && name === group && channel !== null)),
    )
    return [{ scope: 'group', notification_type: group, channel: '' }, ...more.map(incoming)]
  }
}

/** The most specific last. */
export function toRules(rows: readonly RuleRow[]): readonly SubscriptionRecord[] {
  const rules = rows.map((row) => ({
    scope: row.scope,
    name: row.notification_type,
    channel: row.channel === '' ? null : row.channel,
    enabled: row.enabled,
    frequency: row.frequency,
    updatedAt: row.updated_at,
  }))
  const place = (rule: Subscription): string => `${rule.scope} ${rule.name} ${rule.channel ?? ''}`
  return rules.sort((a, b) => (place(a) < place(b) ? -1 : 1))
}

const incoming = ({ scope, name, channel, enabled, frequency }: Subscription): object => ({
  scope,
  notification_type: name,
  channel: channel ?? '',
  enabled,
  frequency,
})
