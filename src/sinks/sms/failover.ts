import { DeliveryFailure, type DeliveryFailureCode, type Receipt } from '../../model/outcome.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { Gate, type Route } from './gate.js'
import type { TextMessage } from './provider.js'
import type { SwitchingOptions } from './success-rate.js'

export interface FailoverOptions {
  /** By the name of the provider. Those that are not configured may be named as well. */
  readonly order: readonly string[]
  /** For single countries, ISO 3166. */
  readonly orderByCountry: ReadonlyMap<string, readonly string[]>
  readonly switching: SwitchingOptions
}

/** About the recipient: another provider would be told the same. */
const FINAL: ReadonlySet<DeliveryFailureCode> = new Set(['invalid_address', 'address_refused'])

/**
 * Asks one provider after the other until one takes the message. The next one is asked only after a definite
 * refusal: what a provider may have taken is never handed to another.
 */
export class Failover {
  readonly #gates: ReadonlyMap<string, Gate>
  readonly #options: FailoverOptions

  constructor(routes: readonly Route[], options: FailoverOptions, telemetry: Telemetry) {
    const count = () => {
      const open = [...this.#gates.values()].filter(({ leftOut }) => leftOut).length
      telemetry.metrics.breakerOpen.set({ channel: 'sms' }, open)
    }
    this.#options = options
    this.#gates = new Map(
      routes.map((route) => [route.provider.name, new Gate(route, options.switching, telemetry, count)]),
    )
  }

  /** @throws DeliveryFailure naming every provider that was asked */
  async send(tenantId: string, message: TextMessage, signal: AbortSignal): Promise<Receipt> {
    const failures: DeliveryFailure[] = []
    for (const gate of this.#open(tenantId, message.country)) {
      try {
        const { providerId } = await gate.send(message, signal)
        const note = failures.map(toldBy).join('; ')
        return { provider: gate.name, providerId, ...(note !== '' && { note }) }
      } catch (error) {
        if (!(error instanceof DeliveryFailure)) throw error
        failures.push(error)
        if (error.uncertain || FINAL.has(error.code) || signal.aborted) break
      }
    }
    throw inAll(failures)
  }

  #open(tenantId: string, country: string | null): readonly Gate[] {
    const { order, orderByCountry } = this.#options
    const names = (country === null ? undefined : orderByCountry.get(country)) ?? order
    return names.flatMap((name) => {
      const gate = this.#gates.get(name)
      return gate?.isOpenTo(tenantId) ? [gate] : []
    })
  }
}

/** As `aliyun: throttled (isv.BUSINESS_LIMIT_CONTROL)`. */
function toldBy({ code, message, provider }: DeliveryFailure): string {
  const detail = /\(([^()]+)\)$/.exec(message)?.[1]
  return `${provider}: ${code}${detail === undefined ? '' : ` (${detail})`}`
}

/** What one failure after the other comes to: the last one, unless an earlier one leaves more hope. */
function inAll(failures: readonly DeliveryFailure[]): DeliveryFailure {
  const last = failures.at(-1)
  if (last === undefined) {
    return new DeliveryFailure('not_configured', 'no provider of sms is open to this tenant', {
      retryable: true,
    })
  }
  if (failures.length === 1) return last
  const decisive = last.uncertain || FINAL.has(last.code)
  const chosen = decisive ? last : (failures.find(({ retryable }) => retryable) ?? last)
  return new DeliveryFailure(chosen.code, failures.map(toldBy).join('; '), {
    retryable: chosen.retryable,
    uncertain: chosen.uncertain,
    retryAfterMs: chosen.retryAfterMs,
    provider: chosen.provider,
    cause: chosen,
  })
}
