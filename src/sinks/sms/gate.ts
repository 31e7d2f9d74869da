import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  handleWhen,
} from 'cockatiel'
import { DeliveryFailure, type DeliveryFailureCode } from '../../model/outcome.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { within } from '../time-limit.js'
import type { SmsProvider, TextMessage } from './provider.js'
import { SuccessRate, type SwitchingOptions } from './success-rate.js'

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
  #calls = 0
  #leftOut = false

  /** @param onChange called when the provider is left out, and when it is back */
  constructor(route: Route, switching: SwitchingOptions, telemetry: Telemetry, onChange: () => void) {
    this.name = route.provider.name
    this.#route = route
    this.#telemetry = telemetry
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

  /** @throws DeliveryFailure also when it is not asked at all, for lack of a slot or because it fails */
  async send(message: TextMessage, signal: AbortSignal): Promise<{ readonly providerId: string }> {
    if (this.#calls >= this.#route.slots) throw this.#notAsked('throttled', 'has all its slots taken')
    // Others would wait for the one call that tries whether it is back.
    if (this.#breaker.state === CircuitState.HalfOpen) throw this.#failing()
    this.#calls += 1
    try {
      return await this.#breaker.execute(() => this.#measured(message, signal), signal)
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.#failing(error) : error
    } finally {
      this.#calls -= 1
    }
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
