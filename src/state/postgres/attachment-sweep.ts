import { LOOK_MS } from './attachments.js'
import type { Statement, Store } from './store.js'

/** They are large. */
const BATCH = 100

/**
 * The inner WITH is no decoration: planned for all of its rows it goes by the index of names, and yet
 * it is read no further than its first row. Planned for the first row only, it would be sought among all
 * notifications in the hope that it comes early.
 */
export const SWEEP: Statement = {
  name: 'attachments_sweep',
  text: `WITH due AS MATERIALIZED (
      SELECT tenant_id, id FROM attachments WHERE keep_until < to_timestamp($1::float8 / 1000)
      ORDER BY keep_until LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ), judged AS MATERIALIZED (
      SELECT due.tenant_id, due.id, EXISTS (
        WITH naming AS MATERIALIZED (
          SELECT true FROM notifications n
          WHERE n.attachments IS NOT NULL AND jsonb_path_query_array(n.attachments, '$[*].id') ? due.id::text
            AND n.tenant_id = due.tenant_id)
        SELECT FROM naming) AS named
      FROM due
    ), stay AS (
      UPDATE attachments kept SET keep_until = to_timestamp($2::float8 / 1000) FROM judged
      WHERE judged.named AND kept.tenant_id = judged.tenant_id AND kept.id = judged.id
    ), gone AS (
      DELETE FROM attachments kept USING judged
      WHERE NOT judged.named AND kept.tenant_id = judged.tenant_id AND kept.id = judged.id RETURNING 1
    )
    SELECT (SELECT count(*) FROM due) AS seen, (SELECT count(*) FROM gone) AS deleted`,
}

/**
 * Deletes contents whose time is up and that no notification names: those of requests that were
 * refused, and of notifications that are kept no longer. The others are looked at again a day later.
 * @returns how many it deleted
 */
export async function sweepAttachments(store: Store, now: number, isStopped: () => boolean): Promise<number> {
  let total = 0
  while (!isStopped()) {
    const [row] = await store.run<{ seen: number; deleted: number }>(SWEEP, [now, now + LOOK_MS])
    total += row?.deleted ?? 0
    if ((row?.seen ?? 0) < BATCH) break
  }
  return total
}
