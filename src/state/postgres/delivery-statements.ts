import { NOTIFICATION_COLUMNS } from './rows.js'
import type { Statement } from './store.js'

/** Records what the stages decided about rows that fell due. A row that was cancelled meanwhile stays cancelled. */
export const DECIDE: Statement = {
  name: 'notifications_decide',
  text: `UPDATE notifications n SET
      status = decided.status,
      reason = decided.reason,
      admitted = decided.admitted,
      due_at = coalesce(to_timestamp(decided.due_at / 1000), least(n.due_at, now())),
      sent_at = CASE WHEN decided.status = 'sent' THEN date_trunc('milliseconds', now()) END,
      updated_at = now()
    FROM json_to_recordset($1::json)
      AS decided(id text, status text, reason text, admitted boolean, due_at float8)
    WHERE n.id = decided.id AND n.status = 'pending' AND NOT n.admitted`,
}

export const WAITING: Statement = {
  name: 'notifications_waiting',
  text: `SELECT ${NOTIFICATION_COLUMNS}, n.due_at, n.due_at > now() AS early
    FROM notifications n WHERE n.id = ANY($1::text[]) AND n.status = 'pending' AND NOT n.admitted`,
}

/**
 * Takes the lease on what may be delivered now, and ends what has expired in the queue.
 * Rows that another claim is looking at are left to it.
 */
export const CLAIM: Statement = {
  name: 'notifications_claim',
  text: `UPDATE notifications n SET
      status = CASE WHEN n.expires_at <= now() THEN 'expired' ELSE 'sending' END,
      reason = CASE WHEN n.expires_at <= now() THEN 'expired' END,
      attempt = n.attempt + CASE WHEN n.expires_at <= now() THEN 0 ELSE 1 END,
      lease_token = $2,
      lease_until = now() + make_interval(secs => $3),
      updated_at = now()
    WHERE n.id IN (
      SELECT id FROM notifications
      WHERE id = ANY($1::text[]) AND status = 'pending' AND admitted AND due_at <= now()
      FOR UPDATE SKIP LOCKED)
    RETURNING ${NOTIFICATION_COLUMNS}, n.status`,
}

/**
 * Writes results where the lease is still ours, and the attempts behind them. A retry has to
 * pass the stages again when it falls due; what was released goes straight to a lane.
 */
export const SETTLE: Statement = {
  name: 'notifications_settle',
  text: `WITH result AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS r(
        id text, lease_token text, attempt int, result text, retry_after float8, failure_code text,
        message text, provider_id text, started_at float8, duration_ms int)
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
      WHERE n.id = r.id AND n.status = 'sending' AND n.lease_token = r.lease_token
      RETURNING n.id, n.due_at
    ), recorded AS (
      INSERT INTO delivery_attempts
        (notification_id, attempt, result, failure_code, message, provider_id, started_at, duration_ms)
      SELECT r.id, r.attempt, r.result, r.failure_code, r.message, r.provider_id,
        to_timestamp(r.started_at / 1000), r.duration_ms
      FROM result r JOIN settled USING (id)
      ON CONFLICT DO NOTHING
    )
    SELECT settled.id, CASE WHEN r.result = 'retry' THEN settled.due_at END AS due_at
    FROM settled JOIN result r USING (id)`,
}
