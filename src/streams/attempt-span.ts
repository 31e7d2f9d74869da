import type { Notification, QueuedChannel } from '../model/notification.js'
import type { Outcome } from '../model/outcome.js'
import type { Span, Tracing } from '../telemetry/tracing.js'

/**
 * Begins the span of one attempt, from the claim to the outcome. Retries are siblings: each comes of the
 * acceptance, whose trace the row remembers. What was accepted without a trace has none later.
 */
export const startAttempt = (tracing: Tracing, name: string, { traceparent }: Notification): Span | null =>
  traceparent === null ? null : tracing.start(name, 'client', traceparent)

export function endAttempt(
  span: Span,
  channel: QueuedChannel,
  { id, tenantId, priority, attempt, deferredUntil }: Notification,
  outcome: Outcome | { readonly kind: 'released' },
  startedAt: number,
): void {
  const failure = outcome.kind === 'failed' ? outcome.failure : null
  const receipt = outcome.kind === 'sent' ? outcome.receipt : null
  span.end(failure?.code ?? null, () => ({
    'notification.id': id,
    'notification.tenant_id': tenantId,
    'notification.channel': channel,
    'notification.priority': priority,
    'notification.attempt': attempt,
    // Since it was due: that is what it waited for a free slot.
    'notification.queue.wait_ms': deferredUntil === null ? null : Math.max(0, startedAt - deferredUntil),
    'notification.result': failure?.uncertain ? 'uncertain' : outcome.kind,
    'notification.retryable': failure?.retryable ?? null,
    'notification.provider': receipt?.provider ?? failure?.provider ?? null,
  }))
}
