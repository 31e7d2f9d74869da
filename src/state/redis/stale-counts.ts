/** The keys that belong to one user's count. */
export interface CountKeys {
  readonly count: string
  readonly lease: string
}

/**
 * The counts that changed while Redis could not be told: what it holds of them is wrong.
 * Above `max` nothing is remembered, and no count is to be trusted until those that Redis
 * holds have expired.
 */
export class StaleCounts {
  readonly #max: number
  readonly #expiryMs: number
  readonly #now: () => number
  #keys = new Map<string, CountKeys>()
  #distrustedUntil = Number.NEGATIVE_INFINITY

  /** @param expiryMs how long a wrong count can be in Redis after the change */
  constructor(max: number, expiryMs: number, now: () => number) {
    this.#max = max
    this.#expiryMs = expiryMs
    this.#now = now
  }

  get trusted(): boolean {
    return this.#now() >= this.#distrustedUntil
  }

  add(counts: readonly CountKeys[]): void {
    for (const keys of counts) this.#keys.set(keys.count, keys)
    if (this.#keys.size <= this.#max && this.trusted) return
    this.#keys = new Map()
    this.#distrustedUntil = this.#now() + this.#expiryMs
  }

  /** Hands over what is to be deleted; to be added again if that fails. */
  take(): readonly CountKeys[] {
    if (this.#keys.size === 0) return []
    const keys = [...this.#keys.values()]
    this.#keys = new Map()
    return keys
  }
}
