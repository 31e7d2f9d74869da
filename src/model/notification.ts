import type { DigestFrequency } from './frequency.js'
import type { JsonObject } from './json.js'
import type { TemplateUse } from './template-use.js'

/** The ways to reach a recipient. A new one needs a member here, a sink, and a line in `sinks/index.ts`. */
export const CHANNELS = ['email', 'websocket', 'webhook', 'in_app'] as const
export type Channel = (typeof CHANNELS)[number]

/** Channels that are delivered from a ready lane. `in_app` is delivered by the transaction that accepts it. */
export type QueuedChannel = Exclude<Channel, 'in_app'>
export const QUEUED_CHANNELS: readonly QueuedChannel[] = ['email', 'websocket', 'webhook']

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
  readonly scheduledAt: number | null
  readonly expiresAt: number | null
  readonly jobId: string | null
  /** W3C `traceparent` of the producer. */
  readonly traceparent: string | null
}

/** Ties a request to the sender's `Idempotency-Key`. */
export interface Idempotency {
  readonly key: string
  /** Hash of the request, so that the key cannot be used for another one. */
  readonly fingerprint: string
}

/** A request that has an identity. The id is time-ordered: `notif_` and a UUIDv7. */
export interface Notification extends NotificationRequest {
  readonly id: string
  readonly createdAt: number
  /** Delivery attempts begun so far. */
  readonly attempt: number
  /** The text of the template that it was rendered with. */
  readonly templateUse: TemplateUse | null
  /** Why it last had to wait; null for what is new. */
  readonly deferredFor: string | null
  /** Set when it is a digest of others. */
  readonly digest: DigestFrequency | null
  /** Null where the sender gave no key, and once the row exists. */
  readonly idempotency: Idempotency | null
}
