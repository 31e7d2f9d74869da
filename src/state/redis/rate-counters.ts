import type { RateCounters, RateKey, RateLimits, UserAddress } from '../../streams/ports.js'
import type { RedisConnection } from './connection.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A window is kept this much longer than it lasts, because Redis has a clock of its own. */
const SLACK_S = 300

/** Counts in Redis, by tenant and user over all channels, in clock hours and days (UTC). Rejects when Redis is away. */
export class RedisRateCounters implements RateCounters {
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  async take(keys: readonly RateKey[], limits: RateLimits, now: number): Promise<readonly boolean[]> {
    if (keys.length === 0) return []
    const names = this.#connection.keys
    const hour = Math.floor(now / HOUR_MS)
    const day = Math.floor(now / DAY_MS)
    const users = new Map<string, UserAddress & { wanted: number }>()
    const places = keys.map(({ tenantId, userId }) => {
      const name = names.hourly({ tenantId, userId }, hour)
      const user = users.get(name)
      if (user === undefined) users.set(name, { tenantId, userId, wanted: 1 })
      else user.wanted += 1
      return { name, nth: user === undefined ? 1 : user.wanted }
    })
    const granted = await this.#connection.run((redis) =>
      Promise.all(
        [...users].map(async ([name, user]) => {
          const count = await redis.countSends(
            name,
            names.daily(user, day),
            user.wanted,
            limits.perHour,
            limits.perDay,
            HOUR_MS / 1000 + SLACK_S,
            DAY_MS / 1000 + SLACK_S,
          )
          return [name, count] as const
        }),
      ),
    )
    const counts = new Map(granted)
    return places.map(({ name, nth }) => nth <= (counts.get(name) ?? 0))
  }
}
