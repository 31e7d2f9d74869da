import { setTimeout as delay } from 'node:timers/promises'
import type { Platform } from '../../model/device.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { isPassing } from './failures.js'
import type { Guard } from './guard.js'
import type { DeviceResult, PushProvider } from './provider.js'
import type { Push } from './push.js'

/** Between the tries of one attempt, in milliseconds. */
const PAUSE_MS = 500

export interface HandoverOptions {
  /** How long one try may take, and how long an attempt may wait for places besides, in milliseconds. */
  readonly timeoutMs: number
  readonly tries: number
  /** Null: all. */
  readonly tenants: readonly string[] | null
}

/** Hands pushes to one provider: within its places, its breaker and its time, and again to devices that failed in passing. */
export class Handover {
  readonly platform: Platform
  readonly guard: Guard
  readonly #provider: PushProvider
  readonly #options: HandoverOptions
  readonly #metrics: Telemetry['metrics']

  constructor(provider: PushProvider, guard: Guard, options: HandoverOptions, { metrics }: Telemetry) {
    this.platform = provider.platform
    this.guard = guard
    this.#provider = provider
    this.#options = options
    this.#metrics = metrics
  }

  isOpenTo(tenantId: string): boolean {
    const { tenants } = this.#options
    return tenants === null || tenants.includes(tenantId)
  }

  /** In the order of the tokens. A device that took the push is not asked again. */
  async send(push: Push, tokens: readonly string[], signal: AbortSignal): Promise<readonly DeviceResult[]> {
    const results = new Map<string, DeviceResult>()
    let left = tokens
    let waitMs = this.#options.timeoutMs
    for (let tried = 0; left.length > 0; ) {
      const some = left
      const begun = performance.now()
      const outcomes = await this.guard.run(some.length, waitMs, signal, () => {
        waitMs = Math.max(waitMs - (performance.now() - begun), 0)
        return this.#try(push, some, signal)
      })
      for (const [n, token] of some.entries()) {
        const outcome = outcomes[n]
        if (outcome === undefined) throw new Error(`${this.platform} gave no result for a device`)
        results.set(token, outcome)
      }
      tried += 1
      left = left.filter((token) => isWorthAnother(results.get(token)))
      if (left.length === 0 || tried >= this.#options.tries || !(await pause(signal))) break
    }
    const all = tokens.flatMap((token) => results.get(token) ?? [])
    for (const { result, count } of tally(all)) {
      this.#metrics.providerCalls.inc({ channel: 'push', provider: this.platform, result }, count)
    }
    return all
  }

  close(): Promise<void> {
    return this.#provider.close()
  }

  async #try(push: Push, tokens: readonly string[], signal: AbortSignal): Promise<readonly DeviceResult[]> {
    const ending = new AbortController()
    const end = (): void => ending.abort(signal.reason)
    const timer = setTimeout(() => ending.abort(), this.#options.timeoutMs)
    signal.addEventListener('abort', end, { once: true })
    const measured = this.#metrics.providerSeconds.startTimer({ channel: 'push', provider: this.platform })
    try {
      return await this.#provider.send(push, tokens, ending.signal)
    } finally {
      measured()
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }
}

const isWorthAnother = (result: DeviceResult | undefined): boolean =>
  result?.kind === 'failed' && isPassing(result.failure)

/** Resolves to whether the attempt goes on. */
async function pause(signal: AbortSignal): Promise<boolean> {
  try {
    await delay(PAUSE_MS, undefined, { signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}

/** How often there was each result, by the code of its failure. */
export function tally(results: readonly DeviceResult[]): readonly { result: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const result of results) {
    const name = result.kind === 'failed' ? result.failure.code : result.kind
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([result, count]) => ({ result, count }))
}
