import type { Acceptance } from '../model/acceptance.js'
import type { Failure } from '../model/failure.js'
import type { Notification } from '../model/notification.js'
import { type Standing, UNKNOWN_STANDING } from '../model/recipient.js'
import { PASS, type Verdict } from '../model/verdict.js'

export type Settled =
  | { readonly kind: 'accepted'; readonly acceptance: Acceptance }
  | { readonly kind: 'refused'; readonly failure: Failure }

/**
 * A notification on its way to the ledger, with the way back to whoever handed it in.
 * Custody passes at `settle`, which is called exactly once.
 */
export interface Envelope {
  readonly notification: Notification
  /** New: a row is to be written. Due: the row exists and its time has come. */
  readonly origin: 'new' | 'due'
  settle(settled: Settled): void
}

/** What the stages judge: a notification, and the one it is for. */
export interface Subject {
  /** As rendered and addressed. */
  readonly notification: Notification
  readonly standing: Standing
}

/** An envelope and what the stages have made of it so far. */
export interface Judged extends Subject {
  readonly envelope: Envelope
  readonly verdict: Verdict
}

export type Batch = readonly Judged[]

export const unjudged = (envelope: Envelope): Judged => ({
  envelope,
  notification: envelope.notification,
  standing: UNKNOWN_STANDING,
  verdict: PASS,
})
