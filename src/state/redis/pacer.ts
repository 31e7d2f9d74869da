import type { PaceKey, Pacer } from '../../streams/ports.js'
import { currentPlace, timeOfPlace } from '../pace.js'
import type { RedisConnection } from './connection.js'

/** Keys outlive the minute of their last place by this, because Redis has a clock of its own. */
const SLACK_S = 120

/** The places in Redis, for all instances. Rejects when Redis is away. */
export class RedisPacer implements Pacer {
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  async reserve(keys: readonly PaceKey[], perMinute: number, now: number): Promise<readonly number[]> {
    const names = keys.map((key) => this.#connection.keys.pace(key, perMinute))
    const wanted = new Map<string, number>()
    for (const name of names) wanted.set(name, (wanted.get(name) ?? 0) + 1)
    const current = currentPlace(now, perMinute)
    const first = await this.#connection.run((redis) =>
      Promise.all(
        [...wanted].map(async ([name, count]) => {
          const place = await redis.takePlaces(name, current, count, 60 / perMinute, SLACK_S)
          return [name, place] as const
        }),
      ),
    )
    const next = new Map(first)
    return names.map((name) => {
      const place = next.get(name) ?? current
      next.set(name, place + 1)
      return timeOfPlace(place, perMinute, now)
    })
  }
}
