import { Failure } from '../../model/failure.js'
import type { Idempotency } from '../../model/notification.js'

interface Running<T> {
  readonly fingerprint: string
  readonly outcome: Promise<T>
}

/** What a request came to, and whether it was another one's work. */
export interface Joined<T> {
  readonly value: T
  readonly replayed: boolean
}

/**
 * Lets requests with the same key, at the same time, share one outcome, good or bad.
 * Holds no more than the requests in flight; what comes later is the ledger's to replay.
 */
export class InFlight<T> {
  readonly #running = new Map<string, Running<T>>()

  /** @throws Failure `idempotency_mismatch` when the key is in use for another request */
  async join(tenantId: string, idempotency: Idempotency, work: () => Promise<T>): Promise<Joined<T>> {
    // Neither part holds a line end, so the pair is unambiguous.
    const scope = `${tenantId}\n${idempotency.key}`
    const running = this.#running.get(scope)
    if (running !== undefined) {
      if (running.fingerprint !== idempotency.fingerprint) throw mismatch()
      return { value: await running.outcome, replayed: true }
    }
    const outcome = work()
    this.#running.set(scope, { fingerprint: idempotency.fingerprint, outcome })
    try {
      return { value: await outcome, replayed: false }
    } finally {
      this.#running.delete(scope)
    }
  }

  get size(): number {
    return this.#running.size
  }
}

const mismatch = (): Failure =>
  new Failure('idempotency_mismatch', 'the key is in use for a request with another body')
