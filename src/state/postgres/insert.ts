import { type Acceptance, acceptanceOf } from '../../model/acceptance.js'
import type { Idempotency } from '../../model/notification.js'
import { PRIORITY_VALUE } from '../../model/priority.js'
import type { TemplateUse } from '../../model/template-use.js'
import type { Entry } from '../../streams/ports.js'
import type { Statement } from './store.js'

const INCOMING = `json_to_recordset($1::json) AS incoming(
  id text, tenant_id text, user_id text, channel text, priority int, notification_type text, template_id text,
  title text, content text, metadata jsonb, status text, reason text, job_id text, traceparent text,
  scheduled_at float8, expires_at float8, due_at float8, admitted boolean, created_at float8,
  template_version int, template_variant text, locale text, attachments jsonb, vendor_text jsonb, key text, fingerprint text,
  keep_seconds float8, acceptance jsonb)`

const COLUMNS = `id, tenant_id, user_id, channel, priority, notification_type, template_id, title, content, metadata,
  status, reason, job_id, traceparent, scheduled_at, expires_at, due_at, admitted,
  template_version, template_variant, locale, attachments, vendor_text, sent_at, created_at, updated_at`

const VALUES = `id, tenant_id, user_id, channel, priority, notification_type, template_id, title, content, metadata,
  status, reason, job_id, traceparent, to_timestamp(scheduled_at / 1000), to_timestamp(expires_at / 1000),
  coalesce(to_timestamp(due_at / 1000), now()), admitted, template_version, template_variant, locale,
  attachments, vendor_text,
  CASE WHEN status = 'sent' THEN date_trunc('milliseconds', now()) END, to_timestamp(created_at / 1000), now()`

export const INSERT: Statement = {
  name: 'notifications_insert',
  text: `INSERT INTO notifications (${COLUMNS}) SELECT ${VALUES} FROM ${INCOMING}`,
}

/**
 * Rows are written only with their keys. Keys are taken in order, so that two instances that
 * take the same ones never wait for each other in a circle; a key that has expired is taken anew.
 */
export const INSERT_KEYED: Statement = {
  name: 'notifications_insert_keyed',
  text: `WITH incoming AS MATERIALIZED (SELECT * FROM ${INCOMING}),
    taken AS (
      INSERT INTO idempotency_keys AS known (tenant_id, key, fingerprint, keep_seconds, acceptance, created_at)
      SELECT tenant_id, key, fingerprint, keep_seconds, acceptance, now() FROM incoming WHERE key IS NOT NULL ORDER BY tenant_id, key
      ON CONFLICT (tenant_id, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, keep_seconds = excluded.keep_seconds,
          acceptance = excluded.acceptance, created_at = excluded.created_at
        WHERE known.created_at < now() - make_interval(secs => coalesce(known.keep_seconds, $2))
      RETURNING tenant_id, key
    )
    INSERT INTO notifications (${COLUMNS})
    SELECT ${VALUES} FROM incoming
    WHERE key IS NULL OR (tenant_id, key) IN (SELECT tenant_id, key FROM taken)
    RETURNING id`,
}

export const RECALL: Statement = {
  name: 'idempotency_recall',
  text: `SELECT known.tenant_id, known.key, known.fingerprint, known.acceptance
    FROM json_to_recordset($1::json) AS wanted(tenant_id text, key text)
    JOIN idempotency_keys known USING (tenant_id, key)
    WHERE known.created_at >= now() - make_interval(secs => coalesce(known.keep_seconds, $2))`,
}

/** An entry as the statements above read it. */
export function incoming({ notification, decision }: Entry): object {
  const { idempotency, templateUse, attachments, vendorText } = notification
  return {
    id: notification.id,
    tenant_id: notification.tenantId,
    user_id: notification.userId,
    channel: notification.channel,
    priority: PRIORITY_VALUE[notification.priority],
    notification_type: notification.notificationType,
    template_id: notification.templateId,
    title: notification.title,
    content: notification.content,
    metadata: notification.metadata,
    status: decision.status,
    reason: 'reason' in decision ? decision.reason : null,
    job_id: notification.jobId,
    traceparent: notification.traceparent,
    scheduled_at: notification.scheduledAt,
    expires_at: notification.expiresAt,
    due_at: decision.status === 'pending' ? decision.dueAt : null,
    admitted: decision.status === 'pending' && decision.admitted,
    created_at: notification.createdAt,
    ...(attachments.length === 0 ? {} : { attachments }),
    ...(vendorText === null ? {} : { vendor_text: vendorText }),
    ...(templateUse === null ? {} : usedTemplate(templateUse)),
    ...(idempotency === null ? {} : keyOf(idempotency, acceptanceOf(notification, decision))),
  }
}

const keyOf = ({ key, fingerprint, keepMs }: Idempotency, acceptance: Acceptance): object => ({
  key,
  fingerprint,
  keep_seconds: keepMs === undefined ? null : keepMs / 1000,
  acceptance,
})

export const usedTemplate = ({ version, variant, locale }: TemplateUse): object => ({
  template_version: version,
  template_variant: variant,
  locale,
})
