import { LRUCache } from 'lru-cache'
import type { UnreadCounts, UserAddress } from '../../streams/ports.js'
import { userKey } from './user-key.js'

export interface UnreadOptions {
  /** How long a loaded count is kept; changes do not prolong it. */
  readonly ttlMs?: number
  /** A change that arrives this soon after a load may have been in what was loaded; it makes the count unknown. */
  readonly settleMs?: number
  /** How many counts are kept, those that were used last. */
  readonly maxUsers?: number
}

interface Known {
  count: number
  readonly loadedAt: number
}

/** Counts in this process. A load is kept only if no change of that user came in meanwhile. */
export class MemoryUnreadCounts implements UnreadCounts {
  readonly #ttlMs: number
  readonly #settleMs: number
  readonly #known: LRUCache<string, Known>
  /** The latest load of each user who has one under way. */
  readonly #loads = new Map<string, symbol>()

  constructor(options: UnreadOptions = {}) {
    const { ttlMs = 60_000, settleMs = 5_000, maxUsers = 100_000 } = options
    this.#ttlMs = ttlMs
    this.#settleMs = settleMs
    this.#known = new LRUCache({ max: maxUsers })
  }

  async add(
    changes: readonly (UserAddress & { readonly delta: number })[],
  ): Promise<readonly (number | null)[]> {
    const now = performance.now()
    return changes.map((change) => this.#change(userKey(change), change.delta, now))
  }

  async read(user: UserAddress, load: () => Promise<number>): Promise<number> {
    const key = userKey(user)
    const known = this.#known.get(key)
    if (known !== undefined && performance.now() - known.loadedAt < this.#ttlMs) return known.count
    const mine = Symbol()
    this.#loads.set(key, mine)
    try {
      const count = await load()
      if (this.#loads.get(key) === mine) this.#known.set(key, { count, loadedAt: performance.now() })
      return count
    } finally {
      if (this.#loads.get(key) === mine) this.#loads.delete(key)
    }
  }

  #change(key: string, delta: number, now: number): number | null {
    this.#loads.delete(key)
    const known = this.#known.get(key)
    if (known === undefined) return null
    const age = now - known.loadedAt
    const count = known.count + delta
    if (age >= this.#ttlMs || age < this.#settleMs || count < 0) {
      this.#known.delete(key)
      return null
    }
    known.count = count
    return count
  }
}
