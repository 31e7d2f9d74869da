import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel'
import { type Redis, ReplyError } from 'ioredis'

/** Failures in a row after which calls are refused without trying. */
const THRESHOLD = 3

/** Redis is away or does not answer; nothing was tried. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable'
}

/**
 * Makes a Redis that hangs cost its callers nothing after the first few: then calls are
 * refused at once until `probe` finds that it answers again. An error that Redis itself
 * answered (wrong type, out of memory) is no outage.
 */
export class Guard {
  readonly #redis: Redis
  readonly #breaker: CircuitBreakerPolicy

  /** @param onOutage called when calls begin to be refused, and for every probe that fails */
  constructor(redis: Redis, onOutage: (reason: unknown) => void) {
    this.#redis = redis
    this.#breaker = circuitBreaker(
      handleWhen((error) => !(error instanceof ReplyError)),
      // Only a probe finds the breaker open; when to probe is for the caller to say.
      { breaker: new ConsecutiveBreaker(THRESHOLD), halfOpenAfter: 0 },
    )
    this.#breaker.onBreak(() => onOutage(this.#lastError()))
  }

  get closed(): boolean {
    return this.#breaker.state === CircuitState.Closed
  }

  async run<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    if (!this.closed) throw new RedisUnavailable('Redis does not answer', { cause: this.#lastError() })
    try {
      return await this.#breaker.execute(() => work(this.#redis))
    } catch (error) {
      throw concealArguments(error)
    }
  }

  async probe(): Promise<void> {
    await this.#breaker.execute(() => this.#redis.ping())
  }

  #lastError(): unknown {
    const reason = this.#breaker.lastFailure
    return reason !== undefined && 'error' in reason ? concealArguments(reason.error) : undefined
  }
}

/** ioredis puts the command with its arguments on an error, and a logger would write them out: contents, passwords. */
export function concealArguments(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) {
    Object.defineProperty(error, 'command', { enumerable: false })
  }
  return error
}
