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
  const acceptance = settled.kind === 'accepted' ? settled.acceptance : null
  span.end(settled.kind === 'refused' ? settled.failure.code : null, () => ({
    // That of an earlier request with the same key, where it is answered again.
    'notification.id': acceptance?.id ?? id,
    'notification.tenant_id': tenantId,
    'notification.channel': channel,
    'notification.priority': priority,
    'notification.origin': origin,
    'notification.status': acceptance?.status ?? null,
    'notification.reason': acceptance?.reason ?? null,
    'notification.replayed': acceptance?.replayed ?? null,
  }))
}
