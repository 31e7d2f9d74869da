import type { Attachment } from '../../model/attachment.js'
import type { JsonObject } from '../../model/json.js'
import type { Channel, Notification } from '../../model/notification.js'
import { priorityOf } from '../../model/priority.js'
import type { DigestFrequency } from '../../model/recipient.js'
import type { TemplateUse } from '../../model/template-use.js'
import type { VendorText } from '../../model/vendor-template.js'

/** What the stages and the sinks read of a row. The pool turns timestamps into epoch milliseconds. */
export interface NotificationRow {
  readonly id: string
  readonly tenant_id: string
  readonly user_id: string
  readonly channel: Channel
  readonly priority: number
  readonly notification_type: string
  readonly title: string
  readonly content: string
  readonly metadata: JsonObject
  readonly attachments: readonly Attachment[] | null
  readonly vendor_text: VendorText | null
  readonly job_id: string | null
  readonly traceparent: string | null
  readonly scheduled_at: number | null
  readonly expires_at: number | null
  readonly attempt: number
  readonly earlier_attempts: number
  readonly digest: DigestFrequency | null
  readonly template_version: number | null
  readonly template_variant: string | null
  readonly locale: string | null
  readonly created_at: number
}

export const NOTIFICATION_COLUMNS = `n.id, n.tenant_id, n.user_id, n.channel, n.priority, n.notification_type,
  n.title, n.content, n.metadata, n.job_id, n.traceparent, n.scheduled_at, n.expires_at, n.attempt, n.earlier_attempts, n.created_at,
  n.digest, n.template_version, n.template_variant, n.locale, n.attachments, n.vendor_text`

/**
 * The texts of a row are rendered, so it names no template and no variables any more.
 * @param waited why and until when, when that is over
 */
export function toNotification(
  row: NotificationRow,
  waited: { readonly reason: string | null; readonly dueAt: number } | null = null,
): Notification {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    userId: row.user_id,
    channel: row.channel,
    priority: priorityOf(row.priority),
    notificationType: row.notification_type,
    templateId: null,
    variables: null,
    locale: row.locale,
    title: row.title,
    content: row.content,
    metadata: row.metadata,
    attachments: row.attachments ?? [],
    scheduledAt: row.scheduled_at,
    expiresAt: row.expires_at,
    jobId: row.job_id,
    traceparent: row.traceparent,
    createdAt: row.created_at,
    attempt: row.attempt,
    earlierAttempts: row.earlier_attempts,
    templateUse: templateUseOf(row),
    vendorText: row.vendor_text,
    deferredFor: waited?.reason ?? null,
    deferredUntil: waited?.dueAt ?? null,
    digest: row.digest,
    idempotency: null,
  }
}

function templateUseOf({ template_version, template_variant, locale }: NotificationRow): TemplateUse | null {
  if (template_version === null || template_variant === null || locale === null) return null
  return { version: template_version, variant: template_variant, locale }
}
