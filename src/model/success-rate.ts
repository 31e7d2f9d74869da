import { CircuitState, type IBreaker } from 'cockatiel'

export interface SuccessRateOptions {
  /** A provider of whose calls fewer than this share succeed is failing; 0 to 1. */
  readonly successRate: number
  /** Over this time, in milliseconds. */
  readonly windowMs: number
  /** But not before there were this many calls in it. */
  readonly minimumCalls: number
}

const SLICES = 20

interface Slice {
  readonly since: number
  calls: number
  successes: number
}

/**
 * Judges a provider by the calls of the last `windowMs`, and by no older ones. (cockatiel's own
 * `SamplingBreaker` forgets a slice of time only when there is a call in a new one, so that after a busy hour
 * a quiet one with nothing but failures would take dozens of messages to be noticed.)
 */
export class SuccessRate implements IBreaker {
  /** Nothing is kept over a restart. */
  readonly state = null
  readonly #options: SuccessRateOptions
  #slices: Slice[] = []

  constructor(options: SuccessRateOptions) {
    this.#options = options
  }

  success(state: CircuitState): void {
    // The one call that tried whether it is back.
    if (state !== CircuitState.Closed) this.#slices = []
    const slice = this.#current()
    slice.calls += 1
    slice.successes += 1
  }

  failure(state: CircuitState): boolean {
    this.#current().calls += 1
    if (state !== CircuitState.Closed) return true
    const { minimumCalls, successRate } = this.#options
    const calls = this.#slices.reduce((sum, slice) => sum + slice.calls, 0)
    const successes = this.#slices.reduce((sum, slice) => sum + slice.successes, 0)
    return calls >= minimumCalls && successes < successRate * calls
  }

  /** Where a call of now is counted, once what is too old is forgotten. */
  #current(): Slice {
    const { windowMs } = this.#options
    const now = performance.now()
    const kept = this.#slices.filter(({ since }) => now - since < windowMs)
    const last = kept.at(-1)
    const slice =
      last !== undefined && now - last.since < windowMs / SLICES
        ? last
        : { since: now, calls: 0, successes: 0 }
    this.#slices = slice === last ? kept : [...kept, slice]
    return slice
  }
}
