import type { AttemptRecord, ChainLink, NotificationRecord } from '../../api/ports.js'
import type { Status } from '../../model/notification.js'
import { type NotificationRow, toNotification } from './rows.js'

export interface RecordRow extends NotificationRow {
  readonly status: Status
  readonly reason: string | null
  readonly parent_id: string | null
  readonly template_id: string | null
  readonly digest_id: string | null
  readonly due_at: number
  readonly sent_at: number | null
  readonly read_at: number | null
  readonly archived_at: number | null
  readonly updated_at: number
}

export const RECORD_COLUMNS = `n.id, n.tenant_id, n.user_id, n.channel, n.priority, n.notification_type, n.title, n.content,
  n.metadata, n.job_id, n.traceparent, n.scheduled_at, n.expires_at, n.attempt, n.created_at, n.status, n.reason,
  n.parent_id, n.attachments, n.vendor_text, n.template_id, n.template_version, n.template_variant, n.locale, n.digest, n.digest_id, n.due_at, n.sent_at, n.read_at, n.archived_at, n.updated_at`

export function toRecord(row: RecordRow): NotificationRecord {
  return {
    ...toNotification(row),
    status: row.status,
    reason: row.reason,
    parentId: row.parent_id,
    templateId: row.template_id,
    digestId: row.digest_id,
    updatedAt: row.updated_at,
    dueAt: row.status === 'pending' ? row.due_at : null,
    sentAt: row.sent_at,
    readAt: row.read_at,
    archivedAt: row.archived_at,
  }
}

export interface AttemptRow {
  readonly attempt: number
  readonly result: AttemptRecord['result']
  readonly failure_code: string | null
  readonly message: string | null
  readonly provider: string | null
  readonly provider_id: string | null
  readonly started_at: number
  readonly duration_ms: number
}

export function toAttempt(row: AttemptRow): AttemptRecord {
  return {
    attempt: row.attempt,
    result: row.result,
    failureCode: row.failure_code,
    message: row.message,
    provider: row.provider,
    providerId: row.provider_id,
    startedAt: row.started_at,
    durationMs: row.duration_ms,
  }
}

export type ChainRow = Pick<
  RecordRow,
  'id' | 'channel' | 'status' | 'reason' | 'attempt' | 'created_at' | 'sent_at'
>

export const toLink = (row: ChainRow): ChainLink => ({
  id: row.id,
  channel: row.channel,
  status: row.status,
  reason: row.reason,
  attempt: row.attempt,
  createdAt: row.created_at,
  sentAt: row.sent_at,
})
