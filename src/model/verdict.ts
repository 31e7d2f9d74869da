import type { Acceptance } from './acceptance.js'
import type { Failure } from './failure.js'

export type DeferReason = 'scheduled' | 'quiet_hours'
export type SuppressReason = 'not_subscribed' | 'rate_limited'

export interface Rendered {
  readonly title: string
  readonly content: string
}

/** What a stage thinks of one notification. Only `accept` acts on it. */
export type Verdict =
  | { readonly kind: 'pass'; readonly rendered?: Rendered }
  | { readonly kind: 'defer'; readonly until: number; readonly reason: DeferReason }
  | { readonly kind: 'suppress'; readonly reason: SuppressReason }
  | { readonly kind: 'expire' }
  /** An earlier request with the same idempotency key was accepted; its answer is given again. */
  | { readonly kind: 'replay'; readonly acceptance: Acceptance }
  /** The failure says whether the same notification may be judged again later (`retry` in the catalogue). */
  | { readonly kind: 'reject'; readonly failure: Failure }

export const PASS: Verdict = { kind: 'pass' }
