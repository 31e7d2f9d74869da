import type { Acceptance } from './acceptance.js'
import type { DigestDraft } from './digest-draft.js'
import type { Failure } from './failure.js'
import type { Notification } from './notification.js'
import type { Standing, SuppressionReason } from './recipient.js'

export type DeferReason = 'scheduled' | 'quiet_hours' | 'digest' | 'pace'
export type SuppressReason = 'not_subscribed' | 'blocked' | 'rate_limited' | `address_${SuppressionReason}`

export interface Rendered {
  readonly title: string
  readonly content: string
}

/** What a stage thinks of one notification. Only `accept` acts on it. */
export type Verdict =
  /** What the stage has found out or filled in goes on to the next ones. */
  | { readonly kind: 'pass'; readonly notification?: Notification; readonly standing?: Standing }
  | { readonly kind: 'defer'; readonly until: number; readonly reason: DeferReason }
  /** It is told as a part of this digest and not by itself. */
  | { readonly kind: 'collect'; readonly digest: DigestDraft }
  | { readonly kind: 'suppress'; readonly reason: SuppressReason }
  | { readonly kind: 'expire' }
  /** An earlier request with the same idempotency key was accepted; its answer is given again. */
  | { readonly kind: 'replay'; readonly acceptance: Acceptance }
  /** The failure says whether the same notification may be judged again later (`retry` in the catalogue). */
  | { readonly kind: 'reject'; readonly failure: Failure }

export const PASS: Verdict = { kind: 'pass' }
