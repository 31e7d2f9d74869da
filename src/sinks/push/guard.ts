import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  handleWhenResult,
} from 'cockatiel'
import type { Platform } from '../../model/device.js'
import { SuccessRate } from '../../model/success-rate.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { Places } from '../places.js'
import { failedAll, isFault, providerFailure } from './failures.js'
import type { DeviceResult } from './provider.js'

export interface GuardOptions {
  /** Calls at once. */
  readonly slots: number
  /** How many may wait for a place with patience. */
  readonly patient: number
  readonly breaker: {
    /** Opens above this share of failed calls, 0 to 1. */
    readonly failureRate: number
    /** Over this time, in milliseconds. */
    readonly windowMs: number
    /** But not before there were this many calls in it. */
    readonly minimumCalls: number
    /** Lets one call through after this time, in milliseconds. */
    readonly halfOpenAfterMs: number
  }
}

/**
 * How long a call waits for a place when many wait already, or when the provider is down, in milliseconds. The
 * channel's lane is shared by all providers: those that wait for one of them must not fill it.
 */
const IMPATIENCE_MS = 1_000

type Results = readonly DeviceResult[]

/** The bulkhead and the circuit breaker of one provider. */
export class Guard {
  readonly #platform: Platform
  readonly #places: Places
  readonly #patient: number
  readonly #breaker: CircuitBreakerPolicy
  #open = false

  /** @param onChange told when the breaker opens or closes */
  constructor(
    platform: Platform,
    { slots, patient, breaker }: GuardOptions,
    { log }: Telemetry,
    onChange: () => void,
  ) {
    this.#platform = platform
    this.#places = new Places(slots)
    this.#patient = patient
    this.#breaker = circuitBreaker(
      handleWhenResult((results) => Array.isArray(results) && isDown(results)),
      {
        halfOpenAfter: breaker.halfOpenAfterMs,
        breaker: new SuccessRate({
          successRate: 1 - breaker.failureRate,
          windowMs: breaker.windowMs,
          minimumCalls: breaker.minimumCalls,
        }),
      },
    )
    const changed = (open: boolean): void => {
      // A call that tried whether the provider is back, and failed, opens what was open.
      if (open === this.#open) return
      this.#open = open
      log.event(open ? 'breaker.opened' : 'breaker.closed', { channel: 'push', provider: platform })
      onChange()
    }
    this.#breaker.onBreak(() => changed(true))
    this.#breaker.onReset(() => changed(false))
  }

  get open(): boolean {
    return this.#open
  }

  /**
   * Lets the call be made, or gives each of the devices the reason why it was not.
   * @param waitMs how long it may wait for a place, in milliseconds
   */
  async run(
    devices: number,
    waitMs: number,
    signal: AbortSignal,
    call: () => Promise<Results>,
  ): Promise<Results> {
    // Others would wait for the one call that tries whether the provider is back.
    const isTrying = (): boolean => this.#breaker.state === CircuitState.HalfOpen
    if (isTrying()) return this.#down(devices)
    const isPatient = !this.#open && this.#places.waiting < this.#patient
    const withinMs = isPatient ? waitMs : Math.min(waitMs, IMPATIENCE_MS)
    if (!(await this.#places.take(withinMs, signal))) return this.#busy(devices)
    try {
      return isTrying() ? this.#down(devices) : await this.#breaker.execute(call)
    } catch (error) {
      if (error instanceof BrokenCircuitError) return this.#down(devices)
      throw error
    } finally {
      this.#places.leave()
    }
  }

  #down(devices: number): Results {
    const message = `${this.#platform} has been failing; not tried`
    return failedAll(devices, providerFailure(this.#platform, 'circuit_open', message))
  }

  #busy(devices: number): Results {
    const wait = { retryAfterMs: IMPATIENCE_MS }
    return failedAll(
      devices,
      providerFailure(this.#platform, 'unavailable', `${this.#platform} is busy`, wait),
    )
  }
}

/** One device that was answered about shows that the provider is there. */
const isDown = (results: readonly DeviceResult[]): boolean =>
  results.length > 0 && results.every((result) => result.kind === 'failed' && isFault(result.failure))
