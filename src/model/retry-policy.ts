import type { Outcome } from './outcome.js'

/** When a failed delivery is tried again; one entry a retry. */
export interface RetryPolicy {
  readonly delaysMs: readonly number[]
  /** Each delay is spread by up to this share in both directions: 0.2 is ±20 %. */
  readonly jitter: number
}

/** What the ledger records for an attempt. */
export type Settlement =
  | { readonly status: 'sent' }
  | { readonly status: 'failed' }
  | { readonly status: 'uncertain' }
  | { readonly status: 'retry'; readonly afterMs: number }

/**
 * Decides what an outcome means for the notification.
 * @param attempt how many attempts were begun since it was accepted or redriven, this one included
 * @param random a number in [0, 1)
 */
export function settlementOf(
  outcome: Outcome,
  attempt: number,
  policy: RetryPolicy,
  random: number,
): Settlement {
  if (outcome.kind === 'sent') return { status: 'sent' }
  if (outcome.failure.uncertain) return { status: 'uncertain' }
  if (!outcome.failure.retryable) return { status: 'failed' }
  const delay = policy.delaysMs[attempt - 1]
  if (delay === undefined) return { status: 'failed' }
  const spread = Math.round(delay * (1 + policy.jitter * (random * 2 - 1)))
  return { status: 'retry', afterMs: Math.max(spread, outcome.failure.retryAfterMs ?? 0) }
}
