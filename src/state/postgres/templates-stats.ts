import type { VariantStats } from '../../api/ports.js'
import type { Status } from '../../model/notification.js'
import type { Statement, Store } from './store.js'

/** An id may be given again after its template was removed: what was sent before is not of this one. */
const READ: Statement = {
  name: 'templates_stats',
  text: `WITH template AS (
      SELECT tenant_id, id, greatest(to_timestamp($3::float8 / 1000), date_trunc('milliseconds', created_at)) AS since
      FROM templates WHERE tenant_id = $1 AND id = $2
    ), counted AS (
      SELECT n.template_version AS version, n.template_variant AS variant, n.status, count(*) AS n,
        count(*) FILTER (WHERE n.channel = 'in_app' AND n.read_at IS NOT NULL) AS read
      FROM template t JOIN notifications n
        ON n.tenant_id = t.tenant_id AND n.template_id = t.id AND n.created_at >= t.since
      WHERE n.template_version IS NOT NULL AND n.template_variant IS NOT NULL
      GROUP BY n.template_version, n.template_variant, n.status
    ), variants AS (
      SELECT version, variant, json_object_agg(status, n) AS statuses, sum(read)::int8 AS read
      FROM counted GROUP BY version, variant
    )
    SELECT version, variant, statuses, read FROM template LEFT JOIN variants ON true ORDER BY version DESC, variant`,
}

interface StatsRow {
  readonly version: number | null
  readonly variant: string | null
  readonly statuses: Readonly<Partial<Record<Status, number>>> | null
  readonly read: number | null
}

/** Null when there is no such template. */
export async function readVariantStats(
  store: Store,
  tenantId: string,
  id: string,
  since: number,
): Promise<readonly VariantStats[] | null> {
  const rows = await store.run<StatsRow>(READ, [tenantId, id, since])
  return rows.length === 0 ? null : rows.flatMap(toStats)
}

/** A template of which nothing was made has one row, of nulls. */
const toStats = ({ version, variant, statuses, read }: StatsRow): VariantStats[] =>
  version === null || variant === null
    ? []
    : [{ version, variant, statuses: statuses ?? {}, read: read ?? 0 }]
