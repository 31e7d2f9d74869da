import type { AttemptResult } from '../../streams/ports.js'
import { byId } from './by-id.js'
import { fallbackTables } from './fallback.js'
import { storable } from './storable.js'
import type { Statement } from './store.js'

const LONGEST_MESSAGE = 1_000
const LONGEST_PROVIDER_ID = 255

/**
 * Writes results where the lease is still ours, the attempts behind them, and the fallbacks of what
 * failed. A retry and a fallback have to pass the stages when they fall due; what was released goes
 * straight to a lane.
 */
export const SETTLE: Statement = {
  name: 'notifications_settle',
  text: `WITH result AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS r(
        id text, lease_token text, attempt int, result text, retry_after float8, failure_code text, message text,
        provider text, provider_id text, fallback_id text, fallback_channel text, started_at float8, duration_ms int)
    ), settled AS (
      UPDATE notifications n SET
        status = CASE WHEN r.result IN ('retry', 'released') THEN 'pending' ELSE r.result END,
        reason = r.failure_code,
        admitted = r.result <> 'retry',
        due_at = CASE WHEN r.result = 'retry' THEN now() + make_interval(secs => r.retry_after) ELSE n.due_at END,
        sent_at = CASE WHEN r.result = 'sent' THEN now() END,
        lease_token = NULL,
        lease_until = NULL,
        updated_at = now()
      FROM result r
      WHERE n.id = r.id AND ${byId('n.status', 'sending')} AND n.lease_token = r.lease_token
      RETURNING n.id, n.tenant_id, n.due_at, r.result
    ), recorded AS (
      INSERT INTO delivery_attempts
        (notification_id, attempt, result, failure_code, message, provider, provider_id, started_at, duration_ms)
      SELECT r.id, r.attempt, r.result, r.failure_code, r.message, r.provider, r.provider_id,
        to_timestamp(r.started_at / 1000), r.duration_ms
      FROM result r JOIN settled USING (id)
      ON CONFLICT DO NOTHING
    ), ${fallbackTables('(SELECT result.* FROM result JOIN settled USING (id))')}
    SELECT id, tenant_id, CASE WHEN result = 'retry' THEN due_at END AS due_at, false AS is_fallback FROM settled
    UNION ALL SELECT id, tenant_id, due_at, true FROM fallback`,
}

/** A result as the statement reads it. */
export const settling = (result: AttemptResult): object => ({
  id: result.id,
  lease_token: result.leaseToken,
  attempt: result.attempt,
  result: result.status,
  retry_after: result.retryAfterMs / 1000,
  failure_code: result.failure?.code ?? null,
  message: storable(result.failure?.message ?? result.receipt?.note, LONGEST_MESSAGE),
  provider: result.failure?.provider ?? result.receipt?.provider ?? null,
  provider_id: storable(result.receipt?.providerId, LONGEST_PROVIDER_ID),
  fallback_id: result.fallback?.id ?? null,
  fallback_channel: result.fallback?.channel ?? null,
  started_at: result.startedAt,
  duration_ms: result.durationMs,
})
