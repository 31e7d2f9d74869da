import type { Notification } from '../../model/notification.js'
import type { Entry } from '../../streams/ports.js'
import { byId } from './by-id.js'
import { fallbackTables } from './fallback.js'
import { usedTemplate } from './insert.js'
import { NOTIFICATION_COLUMNS } from './rows.js'
import type { Statement } from './store.js'

/**
 * Records what the stages decided about rows that fell due, and the fallbacks of those that end by it. A row
 * that was cancelled meanwhile stays cancelled.
 */
export const DECIDE: Statement = {
  name: 'notifications_decide',
  text: `WITH incoming AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json)
        AS i(id text, status text, reason text, admitted boolean, due_at float8, title text, content text,
          metadata jsonb, template_id text, template_version int, template_variant text, locale text,
          vendor_text jsonb, fallback_id text, fallback_channel text)
    ), decided AS (
      UPDATE notifications n SET
        status = i.status,
        reason = i.reason,
        admitted = i.admitted,
        title = coalesce(i.title, n.title),
        content = coalesce(i.content, n.content),
        metadata = coalesce(i.metadata, n.metadata),
        template_id = coalesce(i.template_id, n.template_id),
        template_version = coalesce(i.template_version, n.template_version),
        template_variant = coalesce(i.template_variant, n.template_variant),
        locale = coalesce(i.locale, n.locale),
        vendor_text = coalesce(i.vendor_text, n.vendor_text),
        due_at = coalesce(to_timestamp(i.due_at / 1000), least(n.due_at, now())),
        sent_at = CASE WHEN i.status = 'sent' THEN date_trunc('milliseconds', now()) END,
        updated_at = now()
      FROM incoming i
      WHERE n.id = i.id AND ${byId('n.status', 'pending')} AND NOT n.admitted AND n.due_at <= now()
        AND n.digest_id IS NULL
      RETURNING n.id, n.tenant_id, i.fallback_id, i.fallback_channel
    ), ${fallbackTables('decided')}
    SELECT id, tenant_id, NULL::timestamptz AS due_at, false AS is_fallback FROM decided
    UNION ALL SELECT id, tenant_id, due_at, true FROM fallback`,
}

export const WAITING: Statement = {
  name: 'notifications_waiting',
  text: `SELECT ${NOTIFICATION_COLUMNS}, n.reason, n.due_at, n.due_at > now() AS early
    FROM notifications n WHERE n.id = ANY($1::text[]) AND ${byId('n.status', 'pending')} AND NOT n.admitted
      AND n.digest_id IS NULL`,
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
    WHERE n.id = ANY(ARRAY(
      SELECT id FROM notifications
      WHERE id = ANY($1::text[]) AND ${byId('status', 'pending')} AND admitted AND due_at <= now()
      FOR UPDATE SKIP LOCKED))
    RETURNING ${NOTIFICATION_COLUMNS}, n.status, n.due_at`,
}

/** A decision about a row that exists, as the statement reads it: the texts only where they have changed. */
export const deciding = ({ notification, decision, amended, fallback }: Entry): object => ({
  id: notification.id,
  status: decision.status,
  reason: 'reason' in decision ? decision.reason : null,
  admitted: decision.status === 'pending' && decision.admitted,
  due_at: decision.status === 'pending' ? decision.dueAt : null,
  ...(fallback === null ? {} : { fallback_id: fallback.id, fallback_channel: fallback.channel }),
  ...(amended ? amendments(notification) : {}),
})

const amendments = ({
  title,
  content,
  metadata,
  templateId,
  templateUse,
  vendorText,
}: Notification): object => ({
  title,
  content,
  metadata,
  template_id: templateId,
  ...(templateUse === null ? {} : usedTemplate(templateUse)),
  ...(vendorText === null ? {} : { vendor_text: vendorText }),
})
