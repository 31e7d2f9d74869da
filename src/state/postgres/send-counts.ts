import type { Channel } from '../../model/notification.js'
import type { ChannelCounters, RateKey } from '../../streams/ports.js'
import type { Statement, Store } from './store.js'

/** Rows are taken in one order, so that instances never wait for each other in a circle. */
const TAKE: Statement = {
  name: 'send_counts_take',
  text: `INSERT INTO send_counts AS known (tenant_id, user_id, channel, hour, per_hour, count, granted)
    SELECT tenant_id, user_id, channel, floor(extract(epoch FROM now()) / 3600)::int, per_hour,
      least(wanted, per_hour), least(wanted, per_hour)
    FROM json_to_recordset($1::json)
      AS w(tenant_id text, user_id text, channel text, per_hour int, wanted int)
    ORDER BY tenant_id, user_id, channel
    ON CONFLICT (tenant_id, user_id, channel, hour) DO UPDATE SET
      per_hour = excluded.per_hour,
      granted = greatest(0, least(excluded.granted, excluded.per_hour - known.count)),
      count = known.count + greatest(0, least(excluded.granted, excluded.per_hour - known.count))
    RETURNING tenant_id, user_id, channel, granted`,
}

interface GrantedRow {
  readonly tenant_id: string
  readonly user_id: string
  readonly channel: Channel
  readonly granted: number
}

/** How many messages each recipient got by a channel in the current clock hour. */
export class PostgresSendCounts implements ChannelCounters {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async take(keys: readonly RateKey[], perHour: ReadonlyMap<Channel, number>): Promise<readonly boolean[]> {
    const wanted = new Map<string, { readonly key: RateKey; count: number }>()
    const places = keys.map((key) => {
      const name = nameOf(key.tenantId, key.userId, key.channel)
      const same = wanted.get(name) ?? { key, count: 0 }
      same.count += 1
      wanted.set(name, same)
      return { name, nth: same.count }
    })
    const rows = [...wanted.values()].map(({ key: { tenantId, userId, channel }, count }) => ({
      tenant_id: tenantId,
      user_id: userId,
      channel,
      per_hour: perHour.get(channel) ?? 0,
      wanted: count,
    }))
    const granted = new Map<string, number>()
    for (const row of await this.#store.run<GrantedRow>(TAKE, [JSON.stringify(rows)]))
      granted.set(nameOf(row.tenant_id, row.user_id, row.channel), row.granted)
    return places.map(({ name, nth }) => nth <= (granted.get(name) ?? 0))
  }
}

const nameOf = (tenantId: string, userId: string, channel: Channel): string =>
  JSON.stringify([tenantId, userId, channel])
