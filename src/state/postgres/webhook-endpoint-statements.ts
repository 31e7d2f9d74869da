import type { Statement } from './store.js'

/** Requests at the same moment may end a little above. */
export const MOST_ENDPOINTS = 1_000

const RECORD = `e.id, e.tenant_id, e.url, e.description, e.secrets, e.last_success_at, e.last_failure_at,
  e.last_failure, e.consecutive_failures, e.failing_since, e.created_by, e.created_at, e.updated_at,
  s.reason AS suppression, s.created_at AS suppressed_at`
const SUPPRESSION = `LEFT JOIN suppressions s ON s.tenant_id = e.tenant_id AND s.channel = 'webhook' AND s.address = e.url`
const OF_TENANT = 'e.id = $1 AND e.tenant_id = $2'

export const CREATE: Statement = {
  name: 'webhook_endpoints_create',
  text: `INSERT INTO webhook_endpoints (id, tenant_id, url, description, secrets, created_by)
    SELECT $1::varchar, $2::varchar, $3::varchar, $4::varchar, $5::jsonb, $6::varchar
    WHERE (SELECT count(*) FROM webhook_endpoints WHERE tenant_id = $2) < ${MOST_ENDPOINTS}
    RETURNING id`,
}

export const FIND: Statement = {
  name: 'webhook_endpoints_find',
  text: `SELECT ${RECORD} FROM webhook_endpoints e ${SUPPRESSION} WHERE ${OF_TENANT}`,
}

export const LIST: Statement = {
  name: 'webhook_endpoints_list',
  text: `SELECT ${RECORD} FROM webhook_endpoints e ${SUPPRESSION}
    WHERE e.tenant_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3`,
}

/** What was known of another URL says nothing about this one. */
const WITH_URL = (value: string): string => `CASE WHEN e.url = $3::varchar THEN ${value} END`

export const CHANGE: Statement = {
  name: 'webhook_endpoints_change',
  text: `UPDATE webhook_endpoints e SET url = $3::varchar, description = $4::varchar, updated_at = now(),
      last_success_at = ${WITH_URL('e.last_success_at')}, last_failure_at = ${WITH_URL('e.last_failure_at')},
      last_failure = ${WITH_URL('e.last_failure')}, failing_since = ${WITH_URL('e.failing_since')},
      consecutive_failures = coalesce(${WITH_URL('e.consecutive_failures')}, 0)
    WHERE ${OF_TENANT} RETURNING e.id`,
}

/** Only while the secrets are those that were read. */
export const ROTATE: Statement = {
  name: 'webhook_endpoints_rotate',
  text: `UPDATE webhook_endpoints e SET secrets = $3::jsonb, updated_at = now()
    WHERE ${OF_TENANT} AND e.secrets = $4::jsonb RETURNING e.id`,
}

export const REMOVE: Statement = {
  name: 'webhook_endpoints_remove',
  text: `DELETE FROM webhook_endpoints e WHERE ${OF_TENANT} RETURNING e.id, e.url`,
}

/** Every key is looked up by itself, by an index. */
export const KNOWN: Statement = {
  name: 'webhook_endpoints_known',
  text: `SELECT wanted.tenant_id, wanted.url, e.id, e.secrets, s.reason
    FROM json_to_recordset($1::json) AS wanted(tenant_id text, url text)
    LEFT JOIN LATERAL (SELECT id, secrets FROM webhook_endpoints
      WHERE tenant_id = wanted.tenant_id AND url = wanted.url OFFSET 0) AS e ON true
    LEFT JOIN LATERAL (SELECT reason FROM suppressions
      WHERE tenant_id = wanted.tenant_id AND channel = 'webhook' AND address = wanted.url OFFSET 0) AS s ON true
    WHERE e.id IS NOT NULL OR s.reason IS NOT NULL`,
}

export const URLS: Statement = {
  name: 'webhook_endpoints_urls',
  text: `SELECT e.tenant_id, e.id, e.url FROM json_to_recordset($1::json) AS wanted(tenant_id text, id text)
    CROSS JOIN LATERAL (SELECT * FROM webhook_endpoints
      WHERE id = wanted.id AND tenant_id = wanted.tenant_id OFFSET 0) AS e`,
}

/** Failures that a single notification can have by its retries do not speak of an endpoint. */
const FEWEST_FAILURES = 10

/**
 * Writes what was seen of endpoints, and puts on the suppression list those that are gone or have failed for
 * longer than $2 seconds (null: never). Gives what is on it from now on. Rows are locked in one order, whoever
 * writes, and those of endpoints before those of the list: instances that see the same endpoints do not deadlock.
 */
export const SEEN: Statement = {
  name: 'webhook_endpoints_seen',
  text: `WITH seen AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json)
        AS r(tenant_id text, url text, succeeded boolean, failures int, code text, gone boolean)
    ), locked AS MATERIALIZED (
      SELECT e.id, r.* FROM seen r JOIN webhook_endpoints e ON e.tenant_id = r.tenant_id AND e.url = r.url
      ORDER BY e.id FOR UPDATE OF e
    ), counted AS (
      UPDATE webhook_endpoints e SET
        last_success_at = CASE WHEN r.succeeded THEN now() ELSE e.last_success_at END,
        last_failure_at = CASE WHEN r.code IS NULL THEN e.last_failure_at ELSE now() END,
        last_failure = coalesce(r.code, e.last_failure),
        consecutive_failures = CASE WHEN r.succeeded THEN 0 ELSE e.consecutive_failures END + r.failures,
        failing_since = CASE WHEN r.failures = 0 THEN NULL WHEN r.succeeded THEN now()
          ELSE coalesce(e.failing_since, now()) END
      FROM locked r WHERE e.id = r.id
      RETURNING e.tenant_id, e.url, e.consecutive_failures, e.failing_since
    )
    INSERT INTO suppressions AS s (tenant_id, channel, address, reason)
    SELECT tenant_id, 'webhook', url, 'gone' FROM seen WHERE gone
    UNION ALL
    SELECT tenant_id, 'webhook', url, 'failing' FROM counted
    WHERE consecutive_failures >= ${FEWEST_FAILURES} AND failing_since <= now() - make_interval(secs => $2::float8)
      AND (tenant_id, url) NOT IN (SELECT tenant_id, url FROM seen WHERE gone)
    ORDER BY 1, 3
    ON CONFLICT DO NOTHING RETURNING s.tenant_id, s.address, s.reason`,
}
