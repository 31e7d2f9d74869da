import type { Statement } from './store.js'
import { REVIEW_COLUMNS, SUMMARY_COLUMNS, VERSION_COLUMNS } from './templates-rows.js'

export const MAX_VERSIONS = 1_000

const ADD_VERSION = `INSERT INTO template_versions
  (tenant_id, template_id, version, status, default_locale, variables, variants, vendor, created_by, reviewed_at)
  SELECT tenant_id, id, latest_version, CASE WHEN $4 THEN 'approved' ELSE 'pending_review' END,
    $5, $6::jsonb, $7::jsonb, $8::jsonb, $9, CASE WHEN $4 THEN now() END
  FROM saved RETURNING *`

/** $4: whether it is approved at once. */
export const CREATE: Statement = {
  name: 'templates_create',
  text: `WITH saved AS (
      INSERT INTO templates (tenant_id, id, name, channel, active_version, latest_version)
      VALUES ($1, $2, $3, $10, CASE WHEN $4::boolean THEN 1 END, 1) ON CONFLICT DO NOTHING RETURNING *
    ), added AS (${ADD_VERSION})
    SELECT ${SUMMARY_COLUMNS}, ${VERSION_COLUMNS} FROM saved t CROSS JOIN added v`,
}

/** Whoever comes second waits for the row, and counts on from there. */
export const UPDATE: Statement = {
  name: 'templates_update',
  text: `WITH saved AS (
      UPDATE templates SET name = coalesce($3, name), latest_version = latest_version + 1, updated_at = now(),
        active_version = CASE WHEN $4::boolean THEN latest_version + 1 ELSE active_version END
      WHERE tenant_id = $1 AND id = $2 AND latest_version < ${MAX_VERSIONS} RETURNING *
    ), added AS (${ADD_VERSION})
    SELECT ${SUMMARY_COLUMNS}, ${VERSION_COLUMNS} FROM saved t CROSS JOIN added v`,
}

export const REMOVE: Statement = {
  name: 'templates_remove',
  text: 'DELETE FROM templates WHERE tenant_id = $1 AND id = $2 RETURNING true',
}

const LATEST = `JOIN template_versions v
  ON v.tenant_id = t.tenant_id AND v.template_id = t.id AND v.version = t.latest_version`

export const FIND: Statement = {
  name: 'templates_find',
  text: `SELECT ${SUMMARY_COLUMNS}, ${VERSION_COLUMNS} FROM templates t ${LATEST}
    WHERE t.tenant_id = $1 AND t.id = $2`,
}

export const LIST: Statement = {
  name: 'templates_list',
  text: `SELECT ${SUMMARY_COLUMNS} FROM templates t ${LATEST}
    WHERE t.tenant_id = $1 AND t.id > $2 AND ($3::text IS NULL OR t.channel = $3) ORDER BY t.id LIMIT $4`,
}

const OF_TEMPLATE = 'v.tenant_id = t.tenant_id AND v.template_id = t.id'

export const LIST_VERSIONS: Statement = {
  name: 'templates_list_versions',
  text: `SELECT ${REVIEW_COLUMNS} FROM templates t JOIN template_versions v ON ${OF_TEMPLATE}
    WHERE t.tenant_id = $1 AND t.id = $2 AND v.version < $3 ORDER BY v.version DESC LIMIT $4`,
}

export const FIND_VERSION: Statement = {
  name: 'templates_find_version',
  text: `SELECT ${VERSION_COLUMNS} FROM templates t JOIN template_versions v ON ${OF_TEMPLATE}
    WHERE t.tenant_id = $1 AND t.id = $2 AND v.version = $3`,
}

/** Every change locks the template before its versions, so that no two wait for each other. */
const LOCKED =
  'SELECT tenant_id, id, active_version FROM templates WHERE tenant_id = $1 AND id = $2 FOR UPDATE'

export const APPROVE: Statement = {
  name: 'templates_approve',
  text: `WITH locked AS (${LOCKED}), reviewed AS (
      UPDATE template_versions v SET status = 'approved', reviewed_by = $4, reviewed_at = now()
      FROM locked t WHERE ${OF_TEMPLATE} AND v.version = $3 AND v.status = 'pending_review' RETURNING v.*
    ), activated AS (
      UPDATE templates t SET active_version = v.version, updated_at = now()
      FROM reviewed v WHERE ${OF_TEMPLATE} RETURNING t.*
    )
    SELECT ${VERSION_COLUMNS} FROM activated t CROSS JOIN reviewed v`,
}

export const REJECT: Statement = {
  name: 'templates_reject',
  text: `WITH locked AS (${LOCKED}), reviewed AS (
      UPDATE template_versions v SET status = 'rejected', reviewed_by = $4, reviewed_at = now(), review_note = $5
      FROM locked t WHERE ${OF_TEMPLATE} AND v.version = $3 AND v.status = 'pending_review' RETURNING v.*
    )
    SELECT ${VERSION_COLUMNS} FROM locked t CROSS JOIN reviewed v`,
}

/** What was approved once stays so. */
export const ACTIVATE: Statement = {
  name: 'templates_activate',
  text: `UPDATE templates t SET active_version = v.version, updated_at = now() FROM template_versions v
    WHERE t.tenant_id = $1 AND t.id = $2 AND ${OF_TEMPLATE} AND v.version = $3 AND v.status = 'approved'
    RETURNING ${VERSION_COLUMNS}`,
}
