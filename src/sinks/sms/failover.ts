import { DeliveryFailure, type DeliveryFailureCode, type Receipt } from '../../model/outcome.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { firstFree } from './first-free.js'
import { Gate, type Route, type SwitchingOptions } from './gate.js'
import type { TextMessage } from './provider.js'

export interface FailoverOptions {
  /** For one message, in milliseconds: the calls, and before them the waiting for slots. */
  readonly attemptMs: number
  /** By the name of the provider. Those that are not configured may be named as well. */
  readonly order: readonly string[]
  /** For single countries, ISO 3166. */
  readonly orderByCountry: ReadonlyMap<string, readonly string[]>
  readonly switching: SwitchingOptions
}

/** About the recipient: another provider would be told the same. */
const FINAL: ReadonlySet<DeliveryFailureCode> = new Set(['invalid_address', 'address_refused'])

/** Kept back from the waiting, in milliseconds, so that a call that has waited still has all of its time. */
const SPARE_MS = 500

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

  /**
   * Those that have no slot are passed over; when the others refuse, it waits for the first slot to be free.
   * @throws DeliveryFailure naming every provider that was asked
   */
  async send(tenantId: string, message: TextMessage, signal: AbortSignal): Promise<Receipt> {
    const until = performance.now() + this.#options.attemptMs - SPARE_MS
    const failures = new Map<Gate, DeliveryFailure>()
    const busy = new Set<Gate>()
    for (const gate of this.#open(tenantId, message.country)) {
      if (!(await gate.enter(0, signal))) {
        failures.set(gate, gate.busy())
        // For one that fails nobody waits.
        if (!gate.leftOut) busy.add(gate)
        continue
      }
      const receipt = await sent(gate, message, signal, failures)
      if (receipt !== null) return receipt
      if (ended(failures.get(gate), signal)) throw inAll([...failures.values()])
    }
    while (busy.size > 0) {
      const gate = await firstFree(busy, until, signal)
      if (gate === null) break
      busy.delete(gate)
      failures.delete(gate)
      const receipt = await sent(gate, message, signal, failures)
      if (receipt !== null) return receipt
      if (ended(failures.get(gate), signal)) break
    }
    throw inAll([...failures.values()])
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

/** By this provider; null when it refused. */
async function sent(
  gate: Gate,
  message: TextMessage,
  signal: AbortSignal,
  failures: Map<Gate, DeliveryFailure>,
): Promise<Receipt | null> {
  try {
    const { providerId } = await gate.send(message, signal)
    const note = [...failures.values()].map(toldBy).join('; ')
    return { provider: gate.name, providerId, ...(note !== '' && { note }) }
  } catch (error) {
    if (!(error instanceof DeliveryFailure)) throw error
    failures.set(gate, error)
    return null
  }
}

const ended = (failure: DeliveryFailure | undefined, signal: AbortSignal): boolean =>
  signal.aborted || failure?.uncertain === true || (failure !== undefined && FINAL.has(failure.code))

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
