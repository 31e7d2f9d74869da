import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { UnreadCounts, UserAddress } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'
import type { RedisConnection } from './connection.js'
import { type CountKeys, StaleCounts } from './stale-counts.js'

export interface UnreadOptions {
  /** How long a loaded count is kept; changes do not prolong it. */
  readonly ttlMs?: number
  /**
   * A change that arrives this soon after a load may have been in what was loaded (committed
   * before it, told after it); it makes the count unknown instead of counting twice.
   */
  readonly settleMs?: number
  /** How many users' changes are remembered while Redis is away. */
  readonly maxStale?: number
}

/** A load that takes longer than this is not kept. */
const LEASE_MS = 10_000

/**
 * Counts in Redis. A load holds a lease that any change of that user takes away, so that what
 * was loaded before the change is not kept after it. Never rejects because Redis is away: then
 * every count is unknown or loaded.
 */
export class RedisUnreadCounts implements UnreadCounts {
  readonly #connection: RedisConnection
  readonly #log: Log
  readonly #ttlMs: number
  readonly #settleMs: number
  readonly #stale: StaleCounts
  readonly #instance = randomUUID()
  #loads = 0
  #failing = false

  constructor(connection: RedisConnection, log: Log, options: UnreadOptions = {}) {
    const { ttlMs = 60_000, settleMs = 5_000, maxStale = 10_000 } = options
    this.#connection = connection
    this.#log = log
    this.#ttlMs = ttlMs
    this.#settleMs = settleMs
    this.#stale = new StaleCounts(maxStale, ttlMs + LEASE_MS, () => performance.now())
  }

  async add(
    changes: readonly (UserAddress & { readonly delta: number })[],
  ): Promise<readonly (number | null)[]> {
    if (changes.length === 0) return []
    const oldest = this.#ttlMs - this.#settleMs
    const keyed = changes.map((change) => ({ ...this.#keys(change), delta: change.delta }))
    const counts = await this.#attempt((redis) =>
      Promise.all(keyed.map(({ count, lease, delta }) => redis.changeUnread(count, lease, delta, oldest))),
    )
    if (counts !== undefined) return counts
    this.#stale.add(keyed)
    return changes.map(() => null)
  }

  async read(user: UserAddress, load: () => Promise<number>): Promise<number> {
    if (!this.#stale.trusted) return load()
    const { count, lease } = this.#keys(user)
    const token = `${this.#instance}:${++this.#loads}`
    const known = await this.#attempt((redis) => redis.readUnread(count, lease, token, LEASE_MS))
    if (known !== undefined && known !== null) return Number(known)
    const loaded = await load()
    if (known === null) {
      await this.#attempt((redis) => redis.storeUnread(count, lease, token, loaded, this.#ttlMs))
    }
    return loaded
  }

  /** Undefined when Redis is away or refuses. What it holds wrongly is deleted before it is asked. */
  async #attempt<T>(work: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    const stale = this.#stale.take()
    try {
      const [result] = await this.#connection.run((redis) => {
        const deleted = stale.map(({ count, lease }) => redis.del(count, lease))
        return Promise.all([work(redis), ...deleted])
      })
      this.#failing = false
      return result
    } catch (error) {
      this.#stale.add(stale)
      if (!this.#failing) this.#log.event('unread.cache_unavailable', { err: error })
      this.#failing = true
      return undefined
    }
  }

  #keys(user: UserAddress): CountKeys {
    const { keys } = this.#connection
    return { count: keys.unreadCount(user), lease: keys.unreadLease(user) }
  }
}
