import type { JsonObject } from './json.js'
import type { Channel } from './notification.js'
import type { DigestFrequency } from './recipient.js'

/** A digest that is to be written, and what is to be collected into it. */
export interface DigestDraft {
  readonly id: string
  readonly tenantId: string
  readonly userId: string
  readonly channel: Channel
  readonly frequency: DigestFrequency
  /** The address, where the senders gave one. */
  readonly metadata: JsonObject
  /** Ids of the notifications. */
  readonly members: readonly string[]
  /** `traceparent`s of members, for the digest's own trace to refer to: of the first ones that have any. */
  readonly memberTraces: readonly string[]
  /** Of the digest itself. */
  readonly traceparent: string | null
  readonly createdAt: number
}

/** The type of every digest, as recipients subscribe to it. */
export const DIGEST_TYPE = 'digest'

/** A notification that waits for its digest, whose time has come. */
export interface Held {
  readonly id: string
  readonly notificationType: string
  /** As the sender gave it. */
  readonly address: string | null
  readonly traceparent: string | null
  readonly expiresAt: number | null
}

/** What a digest tells of one notification. */
export interface DigestItem {
  readonly id: string
  readonly title: string
  readonly content: string
  readonly notificationType: string
  readonly createdAt: number
}
