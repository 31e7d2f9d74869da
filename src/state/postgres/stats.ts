import type { ChannelStats, Stats } from '../../api/ports.js'
import type { Channel, Status } from '../../model/notification.js'
import type { Statement, Store } from './store.js'

const READ: Statement = {
  name: 'stats_read',
  text: `WITH recent AS (
      SELECT channel, status, extract(epoch FROM sent_at - greatest(created_at, scheduled_at)) * 1000 AS latency
      FROM notifications WHERE tenant_id = $1 AND created_at >= to_timestamp($2::float8 / 1000)
    ), counted AS (
      SELECT channel, json_object_agg(status, n) AS statuses FROM (
        SELECT channel, status, count(*) AS n FROM recent GROUP BY channel, status) AS by_status
      GROUP BY channel
    ), timed AS (
      SELECT channel,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY latency) AS p50,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY latency) AS p99
      FROM recent WHERE latency IS NOT NULL GROUP BY channel
    )
    SELECT channel, statuses, p50::float8, p99::float8 FROM counted LEFT JOIN timed USING (channel) ORDER BY channel`,
}

interface StatsRow {
  readonly channel: Channel
  readonly statuses: Partial<Record<Status, number>>
  readonly p50: number | null
  readonly p99: number | null
}

export class PostgresStats implements Stats {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async read(tenantId: string, since: number): Promise<readonly ChannelStats[]> {
    const rows = await this.#store.run<StatsRow>(READ, [tenantId, since])
    return rows.map(({ channel, statuses, p50, p99 }) => ({
      channel,
      statuses,
      latencyP50Ms: p50,
      latencyP99Ms: p99,
    }))
  }
}
