import type { Notification } from '../model/notification.js'
import type { Envelope, Settled } from '../streams/envelope.js'
import type { Span } from '../telemetry/tracing.js'

/** Ends the span of a notification that was on its way through the stages, with what was decided. */
export function endAcceptance(
  span: Span,
  { id, tenantId, channel, priority }: Notification,
  origin: Envelope['origin'],
  settled: Settled,
): void {
  const subject = {
    'notification.tenant_id': tenantId,
    'notification.channel': channel,
    'notification.priority': priority,
    'notification.origin': origin,
  }
  if (settled.kind === 'refused') {
    span.end({ ...subject, 'notification.id': id }, settled.failure.code)
    return
  }
  const { acceptance } = settled
  span.end(
    {
      ...subject,
      // That of an earlier request with the same key, where it is answered again.
      'notification.id': acceptance.id,
      'notification.status': acceptance.status,
      'notification.reason': acceptance.reason,
      'notification.replayed': acceptance.replayed,
    },
    null,
  )
}
