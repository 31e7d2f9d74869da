import type { DeadEventRecord, DeadEventSummary, DeadNotification } from '../../model/dead-letter.js'
import type { Channel } from '../../model/notification.js'
import { priorityOf } from '../../model/priority.js'

export interface DeadNotificationRow {
  readonly id: string
  readonly status: 'failed' | 'uncertain'
  readonly user_id: string
  readonly channel: Channel
  readonly priority: number
  readonly notification_type: string
  readonly attempt: number
  readonly is_digest: boolean
  readonly reason: string | null
  readonly detail: string | null
  readonly created_at: number
  readonly updated_at: number
}

/** What the provider said last stands with the attempt. */
export const DEAD_NOTIFICATION_COLUMNS = `n.id, n.status, n.user_id, n.channel, n.priority, n.notification_type,
  n.attempt, n.digest IS NOT NULL AS is_digest, n.reason, n.created_at, n.updated_at,
  (SELECT a.message FROM delivery_attempts a WHERE a.notification_id = n.id ORDER BY a.attempt DESC LIMIT 1) AS detail`

export const toDeadNotification = (row: DeadNotificationRow): DeadNotification => ({
  kind: 'notification',
  id: row.id,
  status: row.status,
  userId: row.user_id,
  channel: row.channel,
  priority: priorityOf(row.priority),
  notificationType: row.notification_type,
  attempt: row.attempt,
  isDigest: row.is_digest,
  reason: row.reason,
  detail: row.detail,
  createdAt: row.created_at,
  deadSince: row.updated_at,
})

export interface DeadEventRow {
  readonly id: string
  readonly topic: string
  readonly partition: number
  readonly place: string
  readonly event_id: string | null
  readonly event_type: string | null
  readonly size: number
  readonly complete: boolean
  readonly reason: string
  readonly detail: string
  readonly redriven_at: number | null
  readonly created_at: number
  readonly updated_at: number
}

/** The offset is text, because a number would lose some of its 64 bits. */
export const DEAD_EVENT_COLUMNS = `d.id, d.topic, d.partition, d."offset"::text AS place, d.event_id, d.event_type,
  d.size, d.complete, d.reason, d.detail, d.redriven_at, d.created_at, d.updated_at`

export const toDeadEvent = (row: DeadEventRow): DeadEventSummary => ({
  kind: 'event',
  id: row.id,
  status: row.redriven_at === null ? 'dead' : 'redriven',
  topic: row.topic,
  partition: row.partition,
  offset: row.place,
  eventId: row.event_id,
  eventType: row.event_type,
  size: row.size,
  complete: row.complete,
  reason: row.reason,
  detail: row.detail,
  createdAt: row.created_at,
  deadSince: row.updated_at,
})

export interface DeadRecordRow extends DeadEventRow {
  readonly key: Buffer | null
  readonly headers: readonly (readonly [string, string])[]
  readonly payload: Buffer | null
  readonly traceparent: string | null
}

export const DEAD_RECORD_COLUMNS = `${DEAD_EVENT_COLUMNS}, d.key, d.headers, d.payload, d.traceparent`

export const toDeadRecord = (row: DeadRecordRow): DeadEventRecord => ({
  ...toDeadEvent(row),
  record: {
    topic: row.topic,
    partition: row.partition,
    offset: row.place,
    key: row.key,
    value: row.payload,
    headers: row.headers.map(([name, value]) => [name, Buffer.from(value, 'base64')] as const),
  },
  traceparent: row.traceparent,
})
