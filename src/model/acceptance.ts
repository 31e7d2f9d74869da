import type { Status } from './notification.js'

/** The answer to a sender: what was decided about an accepted notification. Times are epoch milliseconds. */
export interface Acceptance {
  readonly id: string
  readonly status: Status
  readonly createdAt: number
  /** Why it is suppressed, expired or deferred. */
  readonly reason: string | null
  readonly deferredUntil: number | null
  /** True when an earlier request with the same idempotency key was answered again. */
  readonly replayed: boolean
}

/** Ties a request to the sender's `Idempotency-Key`. */
export interface Idempotency {
  readonly key: string
  /** Hash of the request, so that the key cannot be used for another one. */
  readonly fingerprint: string
}
