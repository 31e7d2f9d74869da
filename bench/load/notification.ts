import { notificationId } from '../../src/model/id.js'
import type { Notification } from '../../src/model/notification.js'
import { TENANT, userId } from '../stand/token.js'

export function aNotification(changes: Partial<Notification>): Notification {
  const createdAt = Date.now()
  return {
    id: notificationId(createdAt),
    tenantId: TENANT,
    userId: userId(0),
    channel: 'webhook',
    priority: 'high',
    notificationType: 'orders',
    templateId: null,
    variables: null,
    locale: null,
    title: 'Your order is on its way',
    content:
      'Order 4711-0815 has left our warehouse and will be with you on Thursday between 9:00 and 12:00.',
    metadata: {},
    attachments: [],
    scheduledAt: null,
    expiresAt: null,
    jobId: null,
    traceparent: null,
    createdAt,
    attempt: 1,
    earlierAttempts: 0,
    templateUse: null,
    vendorText: null,
    deferredFor: null,
    deferredUntil: null,
    digest: null,
    idempotency: null,
    ...changes,
  }
}
