import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  circuitBreaker,
  handleWhen,
  type IPolicy,
  noop,
  SamplingBreaker,
} from 'cockatiel'
import { LRUCache } from 'lru-cache'
import type { QueuedChannel } from '../model/notification.js'
import { DeliveryFailure, type DeliveryFailureCode } from '../model/outcome.js'
import type { Telemetry } from '../telemetry/telemetry.js'

export interface BreakerOptions {
  /** Opens above this share of failed calls, 0 to 1. */
  readonly failureRate: number
  /** Over this time, in milliseconds. */
  readonly windowMs: number
  /** But not before there were this many calls in it. */
  readonly minimumCalls: number
  /** Lets one call through after this time, in milliseconds. */
  readonly halfOpenAfterMs: number
}

/** Failures that speak of the provider. A refusal or a `throttled` may be about the one message or mailbox. */
const PROVIDER_FAULTS: ReadonlySet<DeliveryFailureCode> = new Set([
  'timeout',
  'connection_failed',
  'unavailable',
])
const MAX_TARGETS = 1_000

/** One circuit breaker for each target of a channel; those used least recently are forgotten. */
export class Breakers {
  readonly #policies = new LRUCache<string, CircuitBreakerPolicy>({ max: MAX_TARGETS })
  readonly #channel: QueuedChannel
  readonly #options: BreakerOptions
  readonly #telemetry: Telemetry

  constructor(channel: QueuedChannel, options: BreakerOptions, telemetry: Telemetry) {
    this.#channel = channel
    this.#options = options
    this.#telemetry = telemetry
  }

  for(target: string | null): IPolicy {
    if (target === null) return noop
    const known = this.#policies.get(target)
    if (known !== undefined) return known
    const policy = this.#create()
    this.#policies.set(target, policy)
    return policy
  }

  #create(): CircuitBreakerPolicy {
    const { failureRate, windowMs, minimumCalls, halfOpenAfterMs } = this.#options
    const { log, metrics } = this.#telemetry
    const policy = circuitBreaker(
      handleWhen((error) => error instanceof DeliveryFailure && PROVIDER_FAULTS.has(error.code)),
      {
        halfOpenAfter: halfOpenAfterMs,
        breaker: new SamplingBreaker({
          threshold: failureRate,
          duration: windowMs,
          minimumRps: minimumCalls / (windowMs / 1000),
        }),
      },
    )
    const open = metrics.breakerOpen.labels(this.#channel)
    policy.onBreak(() => {
      open.inc()
      log.event('breaker.opened', { channel: this.#channel })
    })
    policy.onReset(() => {
      open.dec()
      log.event('breaker.closed', { channel: this.#channel })
    })
    return policy
  }
}

export const isOpen = (error: unknown): boolean => error instanceof BrokenCircuitError
