import type { Acceptance } from '../model/acceptance.js'
import type { AttemptRecord, ChainLink, ChannelStats, JobProgress, NotificationRecord } from './ports.js'
import type { BatchResult } from './requests/batch.js'
import { isoTime, isoTimeOrNull } from './requests/time.js'
import type { BatchAnswer, JobAnswer } from './schemas/batch.js'
import type { NotificationAnswer, NotificationDetail, StatusAnswer } from './schemas/notification.js'
import type { SendAnswer } from './schemas/send.js'
import { type StatusCounts, successRate, total, unfinished } from './status-counts.js'

export const sendAnswer = (acceptance: Acceptance): SendAnswer => ({
  id: acceptance.id,
  status: acceptance.status,
  created_at: isoTime(acceptance.createdAt),
  ...(acceptance.reason === null ? {} : { reason: acceptance.reason }),
  ...(acceptance.deferredUntil === null ? {} : { deferred_until: isoTime(acceptance.deferredUntil) }),
})

/** The counts by code are complete in the job; this list is for reading. */
const MAX_REFUSED_SHOWN = 100

export function batchAnswer({ job, outcomes }: BatchResult): BatchAnswer {
  const refused = outcomes.flatMap((outcome) =>
    outcome.kind === 'refused'
      ? [{ user_id: outcome.userId, code: outcome.failure.code, detail: outcome.failure.message }]
      : [],
  )
  const open = outcomes.some(
    (outcome) =>
      outcome.kind === 'accepted' &&
      (outcome.acceptance.status === 'pending' || outcome.acceptance.status === 'sending'),
  )
  return {
    job_id: job.id,
    total_users: job.total,
    status: open ? 'processing' : 'completed',
    created_at: isoTime(job.createdAt),
    accepted: outcomes.length - refused.length,
    refused: refused.slice(0, MAX_REFUSED_SHOWN),
  }
}

export const notificationAnswer = (record: NotificationRecord): NotificationAnswer => ({
  id: record.id,
  tenant_id: record.tenantId,
  user_id: record.userId,
  channel: record.channel,
  priority: record.priority,
  notification_type: record.notificationType,
  title: record.title,
  content: record.content,
  metadata: record.metadata,
  attachments: record.attachments.map(({ filename, contentType, contentId, size }) => ({
    filename,
    content_type: contentType,
    content_id: contentId,
    size,
  })),
  status: record.status,
  reason: record.reason,
  template: record.templateUse === null ? null : { id: record.templateId, ...record.templateUse },
  digest: record.digest,
  digest_id: record.digestId,
  job_id: record.jobId,
  parent_id: record.parentId,
  created_at: isoTime(record.createdAt),
  updated_at: isoTime(record.updatedAt),
  scheduled_at: isoTimeOrNull(record.scheduledAt),
  expires_at: isoTimeOrNull(record.expiresAt),
  due_at: isoTimeOrNull(record.dueAt),
  sent_at: isoTimeOrNull(record.sentAt),
  read_at: isoTimeOrNull(record.readAt),
  archived_at: isoTimeOrNull(record.archivedAt),
})

export const notificationDetail = (
  record: NotificationRecord,
  {
    attempts,
    chain,
    collected,
  }: {
    readonly attempts: readonly AttemptRecord[]
    readonly chain: readonly ChainLink[]
    /** Null: it is no digest. */
    readonly collected: readonly string[] | null
  },
): NotificationDetail => ({
  ...notificationAnswer(record),
  ...(chain.length < 2 ? {} : { chain: chain.map(linkAnswer) }),
  ...(collected === null ? {} : { collected: [...collected] }),
  attempts: attempts.map((attempt) => ({
    attempt: attempt.attempt,
    result: attempt.result,
    failure_code: attempt.failureCode,
    message: attempt.message,
    provider: attempt.provider,
    provider_id: attempt.providerId,
    started_at: isoTime(attempt.startedAt),
    duration_ms: attempt.durationMs,
  })),
})

const linkAnswer = (link: ChainLink) => ({
  id: link.id,
  channel: link.channel,
  status: link.status,
  reason: link.reason,
  attempt: link.attempt,
  created_at: isoTime(link.createdAt),
  sent_at: isoTimeOrNull(link.sentAt),
})

export const statusAnswer = (record: NotificationRecord): StatusAnswer => ({
  id: record.id,
  status: record.status,
  reason: record.reason,
  attempt: record.attempt,
  updated_at: isoTime(record.updatedAt),
  due_at: isoTimeOrNull(record.dueAt),
  sent_at: isoTimeOrNull(record.sentAt),
})

export function jobAnswer(job: JobProgress): JobAnswer {
  const done = total(job.statuses) - unfinished(job.statuses) + total(job.refused)
  const progress = job.total === 0 ? 1 : Math.min(1, done / job.total)
  return {
    job_id: job.id,
    total_users: job.total,
    status: progress === 1 ? 'completed' : 'processing',
    progress,
    statuses: { ...job.statuses },
    refused: { ...job.refused },
    created_at: isoTime(job.createdAt),
  }
}

export const channelAnswer = (stats: ChannelStats) => ({
  channel: stats.channel,
  total: total(stats.statuses),
  success_rate: successRate(stats.statuses),
  statuses: { ...stats.statuses },
  latency_p50_ms: stats.latencyP50Ms,
  latency_p99_ms: stats.latencyP99Ms,
})

export function summed(stats: readonly ChannelStats[]): StatusCounts {
  const sums: Record<string, number> = {}
  for (const { statuses } of stats) {
    for (const [status, count] of Object.entries(statuses)) sums[status] = (sums[status] ?? 0) + count
  }
  return sums
}
