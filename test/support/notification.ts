import type { Decision } from '../../src/model/acceptance.js'
import { notificationId } from '../../src/model/id.js'
import type { Notification } from '../../src/model/notification.js'
import type { Entry } from '../../src/streams/ports.js'

export function aNotification(changes: Partial<Notification> = {}): Notification {
  const createdAt = changes.createdAt ?? Date.now()
  return {
    id: notificationId(createdAt),
    tenantId: 'acme',
    userId: 'ada',
    channel: 'webhook',
    priority: 'medium',
    notificationType: 'activity',
    templateId: null,
    variables: null,
    locale: null,
    title: 'A title',
    content: 'Some content',
    metadata: {},
    attachments: [],
    scheduledAt: null,
    expiresAt: null,
    jobId: null,
    traceparent: null,
    createdAt,
    attempt: 0,
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

export const NOW = {
  status: 'pending',
  dueAt: null,
  admitted: true,
  reason: null,
} as const satisfies Decision

export const entry = (changes: Partial<Notification> = {}, decision: Decision = NOW): Entry => ({
  notification: aNotification(changes),
  decision,
  amended: false,
  fallback: null,
})
