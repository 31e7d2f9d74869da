import type { Device } from '../../model/device.js'
import type { UserAddress } from '../../streams/ports.js'
import type { PostgresRecipients } from './recipients.js'
import type { Statement, Store } from './store.js'

/**
 * A device that was registered after it was found gone is alive again: Apple's answer says since when a token
 * leads nowhere, and an entry that was written while the provider was being asked may name it anew.
 * `updated_at` stays: nobody has told us anything about the recipient. APNs tokens are given in lower case; older
 * entries may have them otherwise.
 */
const REMOVE_GONE: Statement = {
  name: 'devices_remove_gone',
  text: `WITH gone AS (
      SELECT * FROM json_to_recordset($3::json) AS given(platform text, token text, gone_at float8)),
    entry AS (
      SELECT devices, devices_since FROM recipients
      WHERE tenant_id = $1 AND user_id = $2 AND updated_at <= to_timestamp($4::float8 / 1000) FOR UPDATE),
    judged AS (
      SELECT listed.device, listed.n, gone.token IS NOT NULL AND coalesce(gone.gone_at >=
        (entry.devices_since ->> (listed.n::int - 1))::float8, true) AS leaves
      FROM entry CROSS JOIN jsonb_array_elements(entry.devices) WITH ORDINALITY AS listed(device, n)
        LEFT JOIN gone ON gone.platform = listed.device ->> 'platform' AND gone.token =
          CASE gone.platform WHEN 'apns' THEN lower(listed.device ->> 'token') ELSE listed.device ->> 'token' END),
    removed AS (
      UPDATE recipients SET devices =
        (SELECT coalesce(jsonb_agg(device ORDER BY n) FILTER (WHERE NOT leaves), '[]') FROM judged)
      WHERE tenant_id = $1 AND user_id = $2 AND EXISTS (SELECT FROM judged WHERE leaves)
      RETURNING user_id)
    SELECT device ->> 'platform' AS platform, device ->> 'token' AS token
    FROM judged WHERE leaves AND EXISTS (SELECT FROM removed) ORDER BY n`,
}

/** A device that its provider no longer reaches. */
interface GoneDevice extends Device {
  /** Since when, in epoch milliseconds; null: the provider does not say. */
  readonly goneAt: number | null
}

/** The devices of users: a part of the directory. */
export class PostgresDevices {
  readonly #store: Store
  readonly #known: Pick<PostgresRecipients, 'forgetUser'>

  /** @param known what is remembered of those whose devices leave */
  constructor(store: Store, known: Pick<PostgresRecipients, 'forgetUser'>) {
    this.#store = store
    this.#known = known
  }

  /**
   * Forgets devices that are gone, except those that were registered after `goneAt`, or in an entry that was
   * written after `askedAt` (epoch milliseconds). Resolves to those that were removed.
   */
  async removeGone(
    user: UserAddress,
    gone: readonly GoneDevice[],
    askedAt: number,
  ): Promise<readonly Device[]> {
    const given = gone.map(({ platform, token, goneAt }) => ({ platform, token, gone_at: goneAt }))
    const values = [user.tenantId, user.userId, JSON.stringify(given), askedAt]
    const removed = await this.#store.run<Device & Record<string, string>>(REMOVE_GONE, values)
    if (removed.length > 0) this.#known.forgetUser(user)
    return removed.map(({ platform, token }) => ({ platform, token }))
  }
}
