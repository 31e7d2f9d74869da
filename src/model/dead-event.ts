import type { FailureCode } from './failure.js'

/** A record as Kafka brings it. */
export interface KafkaRecord {
  readonly topic: string
  readonly partition: number
  /** A 64-bit number in decimal. */
  readonly offset: string
  readonly key: Buffer | null
  /** Null: a tombstone. */
  readonly value: Buffer | null
  /** Of a name that stands more than once, every value, in order. */
  readonly headers: readonly (readonly [name: string, value: Buffer])[]
}

/** Why an event cannot become notifications: a refusal of the catalogue, or that it cannot be read at all. */
export type PoisonReason = FailureCode | 'unreadable'

/** What is known of an event that cannot become notifications. */
export interface Poison {
  /** Whose it is, as far as that can be told; else that of the configuration. */
  readonly tenantId: string
  readonly eventId: string | null
  readonly eventType: string | null
  readonly reason: PoisonReason
  /** Names the field and what was expected; no personal data. */
  readonly detail: string
  readonly traceparent: string | null
}

/** An event that was put aside, so that the partition could move on. */
export interface DeadEvent extends Poison {
  readonly record: KafkaRecord
}

/** What became of a record. */
export type EventOutcome =
  /** Every notification it asks for is durable; `accepted` may be 0 where a condition did not hold. */
  | { readonly kind: 'done'; readonly accepted: number }
  /** No route wants it. */
  | { readonly kind: 'ignored' }
  /** Trying again does not help. */
  | { readonly kind: 'poison'; readonly poison: Poison }
  /** The service cannot take it now, and nothing is wrong with it: the same record is to be handed in later. */
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number; readonly cause: unknown }
  /** It failed for a reason nobody thought of; after some tries it counts as poison. */
  | { readonly kind: 'failed'; readonly poison: Poison; readonly cause: unknown }

/** Turns events into durable notifications. Never rejects; outcomes are in the order of the records. */
export type HandleEvents = (records: readonly KafkaRecord[]) => Promise<readonly EventOutcome[]>
