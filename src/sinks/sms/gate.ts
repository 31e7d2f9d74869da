import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  handleWhen,
} from 'cockatiel'
import { DeliveryFailure, type DeliveryFailureCode } from '../../model/outcome.js'
import { SuccessRate, type SuccessRateOptions } from '../../model/success-rate.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { Places } from '../places.js'
import { within } from '../time-limit.js'
import type { SmsProvider, TextMessage } from './provider.js'

/** When a provider is left out. */
export interface SwitchingOptions extends SuccessRateOptions {
  /** It is tried again with one call after this time, in milliseconds. */
  readonly againAfterMs: number
}

/** A provider and how it may be used. */
export interface Route {
  readonly provider: SmsProvider
  /** For one call. */
  readonly timeoutMs: number
  /** Calls at once. */
  readonly slots: number
  /** Null: all. */
  readonly tenants: readonly string[] | null
}

/** What speaks of the provider; other refusals may be about the one message or number. */
const FAULTS: ReadonlySet<DeliveryFailureCode> = new Set([
  'timeout',
  'connection_failed',
  'unavailable',
  'account_refused',
])
const CHANNEL = 'sms'

/** One provider behind what bounds it: who may use it, how many calls at once, how long each, and whether it works. */
export class Gate {
  readonly name: string
  readonly #route: Route
  readonly #telemetry: Telemetry
  readonly #breaker: CircuitBreakerPolicy
  readonly #onChange: () => void
  readonly #places: Places
  #leftOut = false

  /** @param onChange called when the provider is left out, and when it is back */
  constructor(route: Route, switching: SwitchingOptions, telemetry: Telemetry, onChange: () => void) {
    this.name = route.provider.name
    this.#route = route
    this.#telemetry = telemetry
    this.#places = new Places(route.slots)
    this.#onChange = onChange
    this.#breaker = circuitBreaker(
      handleWhen((error) => error instanceof DeliveryFailure && FAULTS.has(error.code)),
      { halfOpenAfter: switching.againAfterMs, breaker: new SuccessRate(switching) },
    )
    this.#breaker.onBreak(() => this.#turned(true))
    this.#breaker.onReset(() => this.#turned(false))
  }

  /** Its calls fail, and it waits to be tried again. */
  get leftOut(): boolean {
    return this.#leftOut
  }

  isOpenTo(tenantId: string): boolean {
    const { tenants } = this.#route
    return tenants === null || tenants.includes(tenantId)
  }

  /** For one call, in milliseconds. */
  get timeoutMs(): number {
    return this.#route.timeoutMs
  }

  /** Resolves to whether there was a slot within the time, in milliseconds. It is given back by `send` or `leave`. */
  async enter(withinMs: number, signal: AbortSignal): Promise<boolean> {
    return withinMs > 0 ? this.#places.take(withinMs, signal) : this.#places.takeNow()
  }

  leave(): void {
    this.#places.leave()
  }

  /**
   * In a slot that was taken before.
   * @throws DeliveryFailure also when it is not asked at all, because it fails
   */
  async send(message: TextMessage, signal: AbortSignal): Promise<{ readonly providerId: string }> {
    try {
      // Others would wait for the one call that tries whether it is back.
      if (this.#breaker.state === CircuitState.HalfOpen) throw this.#failing()
      return await this.#breaker.execute(() => this.#measured(message, signal), signal)
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.#failing(error) : error
    } finally {
      this.leave()
    }
  }

  /** What it comes to when there was no slot. */
  busy(): DeliveryFailure {
    return this.#notAsked('throttled', 'has all its slots taken')
  }

  async #measured(message: TextMessage, signal: AbortSignal): Promise<{ readonly providerId: string }> {
    const { metrics } = this.#telemetry
    const labels = { channel: CHANNEL, provider: this.name }
    const begun = performance.now()
    let result = 'internal'
    try {
      const { provider, timeoutMs } = this.#route
      const taken = await within(timeoutMs, signal, (limited) => provider.send(message, limited))
      result = 'sent'
      return taken
    } catch (error) {
      if (error instanceof DeliveryFailure) result = error.uncertain ? 'uncertain' : error.code
      throw error
    } finally {
      metrics.providerCalls.inc({ ...labels, result })
      metrics.providerSeconds.observe(labels, (performance.now() - begun) / 1_000)
    }
  }

  #failing(cause?: unknown): DeliveryFailure {
    return this.#notAsked('circuit_open', 'has been failing', cause)
  }

  #notAsked(code: DeliveryFailureCode, why: string, cause?: unknown): DeliveryFailure {
    return new DeliveryFailure(code, `${this.name} ${why}; not asked`, {
      retryable: true,
      provider: this.name,
      cause,
    })
  }

  #turned(leftOut: boolean): void {
    // A call that tried whether it is back, and failed, opens what was open.
    if (this.#leftOut === leftOut) return
    this.#leftOut = leftOut
    const event = leftOut ? 'provider.left_out' : 'provider.back'
    this.#telemetry.log.event(event, { channel: CHANNEL, provider: this.name })
    this.#onChange()
  }
}
