import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  handleWhen,
} from 'cockatiel'
import { LRUCache } from 'lru-cache'
import type { QueuedChannel } from '../model/notification.js'
import { DeliveryFailure, type DeliveryFailureCode } from '../model/outcome.js'
import { SuccessRate } from '../model/success-rate.js'
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
  readonly #policies: LRUCache<string, CircuitBreakerPolicy>
  readonly #open = new Set<string>()
  readonly #channel: QueuedChannel
  readonly #options: BreakerOptions
  readonly #telemetry: Telemetry

  constructor(channel: QueuedChannel, options: BreakerOptions, telemetry: Telemetry) {
    this.#channel = channel
    this.#options = options
    this.#telemetry = telemetry
    this.#policies = new LRUCache({ max: MAX_TARGETS, dispose: (_policy, target) => this.#closed(target) })
  }

  /** Does the work unless its target has been failing; then rejects with a `BrokenCircuitError`. */
  async run<T>(target: string | null, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (target === null) return work()
    const policy = this.#policies.get(target) ?? this.#create(target)
    // Others would wait for the one call that tries whether the target is back, and outlive their lease.
    if (policy.state === CircuitState.HalfOpen) throw new BrokenCircuitError()
    return policy.execute(work, signal)
  }

  #create(target: string): CircuitBreakerPolicy {
    const { failureRate, windowMs, minimumCalls, halfOpenAfterMs } = this.#options
    const policy = circuitBreaker(
      handleWhen((error) => error instanceof DeliveryFailure && PROVIDER_FAULTS.has(error.code)),
      {
        halfOpenAfter: halfOpenAfterMs,
        breaker: new SuccessRate({ successRate: 1 - failureRate, windowMs, minimumCalls }),
      },
    )
    policy.onBreak(() => this.#opened(target))
    policy.onReset(() => this.#closed(target))
    this.#policies.set(target, policy)
    return policy
  }

  #opened(target: string): void {
    // A call that tried whether the target is back, and failed, opens what was open.
    if (this.#open.has(target)) return
    this.#open.add(target)
    this.#count()
    this.#telemetry.log.event('breaker.opened', { channel: this.#channel })
  }

  #closed(target: string): void {
    if (!this.#open.delete(target)) return
    this.#count()
    this.#telemetry.log.event('breaker.closed', { channel: this.#channel })
  }

  #count(): void {
    this.#telemetry.metrics.breakerOpen.set({ channel: this.#channel }, this.#open.size)
  }
}

export const isOpen = (error: unknown): boolean => error instanceof BrokenCircuitError
