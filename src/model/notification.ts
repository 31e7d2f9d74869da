import type { Attachment } from './attachment.js'
import type { DigestFrequency } from './frequency.js'
import type { JsonObject } from './json.js'
import type { TemplateUse } from './template-use.js'
import type { VendorText } from './vendor-template.js'

/** The ways to reach a recipient. A new one needs a member here, a sink, and a line in `sinks/index.ts`. */
export const CHANNELS = ['email', 'sms', 'websocket', 'webhook', 'in_app', 'push'] as const
export type Channel = (typeof CHANNELS)[number]

/** Channels that are delivered from a ready lane. `in_app` is delivered by the transaction that accepts it. */
export type QueuedChannel = Exclude<Channel, 'in_app'>
export const QUEUED_CHANNELS: readonly QueuedChannel[] = ['email', 'sms', 'websocket', 'webhook', 'push']

export function byQueuedChannel<T>(of: (channel: QueuedChannel) => T): Record<QueuedChannel, T> {
  return {
    email: of('email'),
    sms: of('sms'),
    websocket: of('websocket'),
    webhook: of('webhook'),
    push: of('push'),
  }
}

/**
 * Channels whose messages cost money: one whose outcome is not known ends as `uncertain`, for somebody to
 * decide, because sending it again could cost twice.
 */
export const COSTLY: ReadonlySet<Channel> = new Set(['sms'])

export const PRIORITIES = ['low', 'medium', 'high', 'critical'] as const
export type Priority = (typeof PRIORITIES)[number]

/** A notification is in exactly one of these. The last six are final. */
export const STATUSES = [
  'pending',
  'sending',
  'sent',
  'failed',
  'suppressed',
  'cancelled',
  'expired',
  'uncertain',
] as const
export type Status = (typeof STATUSES)[number]

/** What a sender asks for. Times are epoch milliseconds. */
export interface NotificationRequest {
  readonly tenantId: string
  readonly userId: string
  readonly channel: Channel
  readonly priority: Priority
  /** What the message is about, as a recipient would subscribe to it: `billing`, `marketing`, … */
  readonly notificationType: string
  readonly templateId: string | null
  readonly variables: JsonObject | null
  /** The language the sender asks for, BCP 47. */
  readonly locale: string | null
  /** Empty until rendered when a template supplies them. */
  readonly title: string
  readonly content: string
  readonly metadata: JsonObject
  /** Of email. Their contents are kept apart. */
  readonly attachments: readonly Attachment[]
  readonly scheduledAt: number | null
  readonly expiresAt: number | null
  readonly jobId: string | null
  /** W3C `traceparent`: what it comes of, in the trace of the producer or in one that began here. */
  readonly traceparent: string | null
}

/** Ties a request to the sender's `Idempotency-Key`. */
export interface Idempotency {
  readonly key: string
  /** Hash of the request, so that the key cannot be used for another one. */
  readonly fingerprint: string
  /** How long it is remembered, in milliseconds; left out: as configured. */
  readonly keepMs?: number
}

/** A request that has an identity. The id is time-ordered: `notif_` and a UUIDv7. */
export interface Notification extends NotificationRequest {
  readonly id: string
  readonly createdAt: number
  /** Delivery attempts begun so far. */
  readonly attempt: number
  /** Of these, those made before it was last redriven: it has its retries anew. */
  readonly earlierAttempts: number
  /** The text of the template that it was rendered with. */
  readonly templateUse: TemplateUse | null
  /** What vendors of text messages are told in place of the content; null: the content itself. */
  readonly vendorText: VendorText | null
  /** Why it last had to wait; null for what is new. */
  readonly deferredFor: string | null
  /** Until when, in epoch milliseconds. */
  readonly deferredUntil: number | null
  /** Set when it is a digest of others. */
  readonly digest: DigestFrequency | null
  /** Null where the sender gave no key, and once the row exists. */
  readonly idempotency: Idempotency | null
}
