import { withoutAddresses } from '../../model/address.js'
import type { Notification } from '../../model/notification.js'
import { readTraceparent } from '../../model/trace.js'
import { hexSignature, standardSignature } from './signature.js'

/** `signature` is the last member, so that a receiver can cut it off and check what is before it. */
export function webhookBody(notification: Notification, timestamp: number, key: Buffer): string {
  const metadata = withoutAddresses(notification.metadata)
  const eventType = metadata.event_type
  const unsigned = JSON.stringify({
    event_type: typeof eventType === 'string' && eventType !== '' ? eventType : notification.notificationType,
    notification_id: notification.id,
    title: notification.title,
    content: notification.content,
    user_id: notification.userId,
    tenant_id: notification.tenantId,
    timestamp,
    metadata,
  })
  return `${unsigned.slice(0, -1)},"signature":"${hexSignature(key, unsigned)}"}`
}

export interface WebhookRequest {
  readonly headers: Record<string, string>
  readonly body: string
}

/**
 * What goes over the wire in one attempt.
 * @param timestamp unix seconds of the attempt
 * @param keys the newest first; the signatures that have room for one only are made with that
 */
export function webhookRequest(
  notification: Notification,
  timestamp: number,
  keys: readonly Buffer[],
  userAgent: string,
): WebhookRequest {
  const { id } = notification
  const traceparent = readTraceparent(notification.traceparent)
  const [key] = keys
  if (key === undefined) throw new Error('there is no key to sign with')
  const body = webhookBody(notification, timestamp, key)
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'user-agent': userAgent,
    'x-signature': hexSignature(key, body),
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': standardSignature(keys, id, timestamp, body),
  }
  if (traceparent !== null) headers.traceparent = traceparent
  return { headers, body }
}
