import { RateLimiterRedis } from 'rate-limiter-flexible'
import type { CallerCount, CallerCounters } from '../../api/ports.js'
import type { UserAddress } from '../../streams/ports.js'
import type { RedisConnection } from './connection.js'

const MINUTE_S = 60

/** How the limiter hands over its script: as to the client of the package `redis`. */
interface Arguments {
  readonly keys: string[]
  readonly arguments: string[]
}

/**
 * Counts in Redis, for all instances; while Redis is away, with the insurance. The limit is for the caller to
 * judge, so the limiter itself never refuses.
 */
export class RedisCallerCounters implements CallerCounters {
  readonly #connection: RedisConnection
  readonly #insurance: CallerCounters
  readonly #limiter: RateLimiterRedis

  constructor(connection: RedisConnection, insurance: CallerCounters, { windowS = MINUTE_S } = {}) {
    this.#connection = connection
    this.#insurance = insurance
    this.#limiter = new RateLimiterRedis({
      // Of ioredis it would define a command, which a pipeline that is open at that moment does not have.
      useRedisPackage: true,
      storeClient: {
        eval: (script: string, { keys, arguments: values }: Arguments) =>
          connection.run((redis) => redis.eval(script, keys.length, ...keys, ...values)),
      },
      points: Number.MAX_SAFE_INTEGER,
      duration: windowS,
      keyPrefix: '',
    })
  }

  async count(caller: UserAddress): Promise<CallerCount> {
    try {
      const { consumedPoints, msBeforeNext } = await this.#limiter.consume(
        this.#connection.keys.callerCount(caller),
      )
      return { count: consumedPoints, resetMs: msBeforeNext }
    } catch {
      // The connection logs that Redis is away; a request is not refused for it.
      return this.#insurance.count(caller)
    }
  }
}
