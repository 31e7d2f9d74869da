import type { EventOutcome, Poison } from '../../model/dead-event.js'
import { FAILURES, Failure } from '../../model/failure.js'

const LONGEST_DETAIL = 500
/** When a refusal does not say after what time it may be tried again. */
const AGAIN_AFTER_MS = 1_000

/** What is known of the event, without what is wrong with it. */
export type Origin = Omit<Poison, 'reason' | 'detail'>

/** Adds up what became of the notifications of one event. */
export class Tally {
  #accepted = 0
  #refused = 0
  #poison: Pick<Poison, 'tenantId' | 'reason' | 'detail'> | null = null
  #unavailable: { readonly retryAfterMs: number; readonly cause: unknown } | null = null
  #failed: { readonly detail: string; readonly cause: unknown } | null = null

  accept(): void {
    this.#accepted += 1
  }

  /** @param label which notification, @param tenantId whose it would be */
  refuse(error: unknown, label: string, tenantId: string): void {
    if (!(error instanceof Failure) || error.code === 'internal') {
      this.#failed ??= { detail: `${label}: something went wrong here`, cause: error }
    } else if (FAILURES[error.code].retry) {
      const retryAfterMs = Math.max(
        error.retryAfterMs ?? AGAIN_AFTER_MS,
        this.#unavailable?.retryAfterMs ?? 0,
      )
      this.#unavailable = { retryAfterMs, cause: error }
    } else {
      this.#refused += 1
      this.#poison ??= { tenantId, reason: error.code, detail: `${label}: ${error.message}` }
    }
  }

  /** What may still become durable goes first: what is refused for good is refused again then. */
  outcome(origin: Origin): EventOutcome {
    if (this.#unavailable !== null) return { kind: 'unavailable', ...this.#unavailable }
    if (this.#failed !== null) {
      const { detail, cause } = this.#failed
      return { kind: 'failed', poison: { ...origin, reason: 'internal', detail: cut(detail) }, cause }
    }
    if (this.#poison === null) return { kind: 'done', accepted: this.#accepted }
    const { tenantId, reason, detail } = this.#poison
    const asked = this.#accepted + this.#refused
    const share = asked > 1 ? ` (${this.#refused} of ${asked} notifications refused)` : ''
    return { kind: 'poison', poison: { ...origin, tenantId, reason, detail: cut(detail) + share } }
  }
}

const cut = (text: string): string =>
  text.length <= LONGEST_DETAIL ? text : `${text.slice(0, LONGEST_DETAIL)}…`
