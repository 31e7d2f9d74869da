import type { QueuedChannel } from '../model/notification.js'
import { traceIdOf } from '../model/trace.js'
import type { LogFields } from '../telemetry/log.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Attempted } from './deliver.js'
import type { AttemptResult } from './ports.js'

export type Report = (attempted: Attempted, result: AttemptResult, applied: boolean) => void

/** Tells the operators what became of each attempt: one log line, and the counters. */
export function reporter(channel: QueuedChannel, { log, metrics }: Telemetry): Report {
  const sent = metrics.sent.labels(channel)
  const endToEnd = metrics.endToEndSeconds.labels(channel)

  return (
    { delivery: { notification }, outcome, startedAt },
    { id, attempt, status, durationMs, retryAfterMs },
    applied,
  ) => {
    metrics.attempts.inc({ channel, result: status })
    const fields: LogFields = {
      notification_id: id,
      tenant_id: notification.tenantId,
      channel,
      attempt,
      duration_ms: durationMs,
      trace_id: traceIdOf(notification.traceparent),
    }
    if (!applied) return log.event('notification.lease_lost', { ...fields, result: status })
    switch (status) {
      case 'sent':
        sent.inc()
        // Only a first attempt of what was never scheduled began when it was created.
        if (attempt === 1 && notification.scheduledAt === null) {
          endToEnd.observe((startedAt + durationMs - notification.createdAt) / 1000)
        }
        return log.event('notification.sent', fields)
      case 'released':
        return log.event('notification.released', fields)
      case 'retry':
      case 'uncertain':
      case 'failed': {
        const failure = outcome.kind === 'failed' ? outcome.failure : null
        const reason = failure?.code ?? 'internal'
        if (status === 'failed') metrics.failed.inc({ channel, reason })
        // Only a defect needs its stack; what providers answer is told by code and message.
        const explained = {
          ...fields,
          reason,
          ...(reason === 'internal' ? { err: failure } : { message: failure?.message }),
        }
        if (status === 'uncertain') return log.event('notification.uncertain', explained)
        if (status === 'failed') return log.event('notification.failed', explained)
        return log.event('notification.retried', { ...explained, retry_after_ms: retryAfterMs })
      }
    }
  }
}
