import type { KafkaRecord } from './dead-event.js'
import type { Channel, Priority } from './notification.js'

export const DEAD_LETTER_KINDS = ['event', 'notification'] as const
export type DeadLetterKind = (typeof DEAD_LETTER_KINDS)[number]

/** The first two are those of notifications, the others of events. */
export const DEAD_LETTER_STATUSES = ['failed', 'uncertain', 'dead', 'redriven'] as const
export type DeadLetterStatus = (typeof DEAD_LETTER_STATUSES)[number]

interface DeadLetterBase {
  readonly id: string
  readonly reason: string | null
  /** What is known besides; no personal data. */
  readonly detail: string | null
  readonly createdAt: number
  /** When it ended, or was last found to be no use. */
  readonly deadSince: number
}

/** A notification that ended as `failed` or `uncertain`, and whose place nothing has taken. */
export interface DeadNotification extends DeadLetterBase {
  readonly kind: 'notification'
  readonly status: 'failed' | 'uncertain'
  readonly userId: string
  readonly channel: Channel
  readonly priority: Priority
  readonly notificationType: string
  readonly attempt: number
  /** Whether it is a digest of others: they go back with it. */
  readonly isDigest: boolean
}

/** An event that could not become notifications. */
export interface DeadEventSummary extends DeadLetterBase {
  readonly kind: 'event'
  /** `redriven`: it has become notifications after all. */
  readonly status: 'dead' | 'redriven'
  readonly topic: string
  readonly partition: number
  /** A 64-bit number in decimal. */
  readonly offset: string
  readonly eventId: string | null
  readonly eventType: string | null
  /** Of the payload as it came, in bytes. */
  readonly size: number
  /** False: it was larger than what is kept, and cannot be redriven. */
  readonly complete: boolean
}

export type DeadLetter = DeadNotification | DeadEventSummary

/** An event with the record that it came in. */
export interface DeadEventRecord extends DeadEventSummary {
  readonly record: KafkaRecord
  readonly traceparent: string | null
}

/** Which dead letters are meant: those that fit everything that is named. Times are epoch milliseconds. */
export interface DeadLetterFilter {
  readonly kind: DeadLetterKind | null
  /** Of notifications. */
  readonly channel: Channel | null
  /** Notifications with the reason `offline` are meant only where it is named. */
  readonly reason: string | null
  /** Events with the status `redriven` are meant only where it is named. */
  readonly status: DeadLetterStatus | null
  /** Of events. */
  readonly topic: string | null
  readonly eventType: string | null
  /** Dead since then or later. */
  readonly since: number | null
  /** Dead before then. */
  readonly until: number | null
}
