import type { Telemetry } from '../telemetry/telemetry.js'
import type { Job } from './job.js'
import { Lane } from './lane.js'
import { culprit, tellLoss, verdictOn } from './losses.js'
import { type Pack, pack } from './pack.js'
import { Quarantine } from './quarantine.js'
import { overloaded, unavailable } from './refusals.js'
import type { Results } from './results.js'
import type { LossReason } from './thread.js'
import type { Threads } from './threads.js'

/** What a tenant may spend at once: the others in its batch wait for it. */
const SLOW_TEXTS_AT_ONCE = 2.5

export interface IsolationLimits {
  readonly timeoutMs: number
  readonly hardTimeoutMs: number
}

/**
 * A thread for tenants whose texts have taken too long lately. They wait for each other only, each of their
 * texts has as long as a text may ever have, and what is lost over one is that one.
 */
export class Isolation {
  readonly #lane: Lane
  readonly #quarantine: Quarantine
  readonly #patienceMs: number
  readonly #limits: IsolationLimits
  readonly #telemetry: Telemetry

  constructor(limits: IsolationLimits, threads: Threads, telemetry: Telemetry) {
    this.#lane = new Lane(threads)
    this.#limits = limits
    this.#patienceMs = SLOW_TEXTS_AT_ONCE * limits.hardTimeoutMs
    this.#quarantine = new Quarantine(this.#patienceMs)
    this.#telemetry = telemetry
  }

  holds(tenantId: string): boolean {
    return this.#quarantine.holds(tenantId)
  }

  /** @param ms what the tenant's text has cost already */
  put(tenantId: string, reason: LossReason | 'slow', ms: number): void {
    if (!this.holds(tenantId)) {
      this.#telemetry.log.event('render.tenant_isolated', { tenant_id: tenantId, reason })
    }
    this.#quarantine.put(tenantId)
    this.#quarantine.charge(tenantId, ms)
  }

  /** @param suspect the one of them that is tried first, and alone */
  async run(jobs: readonly Job[], results: Results, suspect: Job | null = null): Promise<void> {
    const byTenant = new Map<string, Job[]>()
    for (const job of suspect === null ? jobs : [suspect, ...jobs]) {
      const own = byTenant.get(job.tenantId)
      if (own) own.push(job)
      else byTenant.set(job.tenantId, [job])
    }
    await Promise.all(Array.from(byTenant.values(), (own) => this.#runTenant(own, results, suspect)))
  }

  close(): void {
    this.#lane.close()
  }

  async #runTenant(jobs: readonly Job[], results: Results, suspect: Job | null): Promise<void> {
    let patienceMs = this.#patienceMs
    for (;;) {
      const left = jobs.filter((job) => results.get(job) === undefined)
      const [some] = pack(left[0] === suspect ? left.slice(0, 1) : left)
      const tenantId = left[0]?.tenantId
      if (some === undefined || tenantId === undefined) return
      const waitMs = this.#quarantine.waitMs(tenantId)
      if (waitMs > 0 || patienceMs <= 0) return results.fail(left, tooSlow(waitMs))
      const { ms, slow } = await this.#runPack(tenantId, some, results, patienceMs)
      patienceMs -= ms
      // It was the machine that was slow, not the text.
      if (!slow && some.jobs[0] === suspect) this.#quarantine.release(tenantId)
    }
  }

  /** Finds a result for one job or more; says how long it took, and whether that is longer than usual. */
  async #runPack(
    tenantId: string,
    some: Pack,
    results: Results,
    patienceMs: number,
  ): Promise<{ readonly ms: number; readonly slow: boolean }> {
    const { timeoutMs, hardTimeoutMs } = this.#limits
    const work = some.write({ budgetMs: patienceMs, slowMs: 0, final: true })
    const result = await this.#lane.run(work, { limitMs: hardTimeoutMs, patienceMs })
    if (result.kind === 'expired' || result.kind === 'closed') {
      results.refuse(some.jobs, result.kind)
      return { ms: patienceMs, slow: true }
    }
    if (result.kind === 'done') {
      const { putBack, slowMs } = results.take(some.jobs, result.answer)
      if (slowMs >= timeoutMs) this.put(tenantId, 'slow', slowMs)
      results.fail(putBack, tooSlow(this.#quarantine.waitMs(tenantId)))
      return { ms: result.ms, slow: slowMs >= timeoutMs }
    }
    const guilty = culprit(some.jobs, result)
    tellLoss(this.#telemetry, result, guilty)
    this.put(tenantId, result.reason, result.ms)
    if (guilty === undefined) results.fail(some.jobs, unavailable())
    else results.set(guilty, verdictOn(result, hardTimeoutMs))
    return { ms: result.ms, slow: true }
  }
}

const tooSlow = (waitMs: number) => overloaded('texts of this tenant take too long', Math.max(1_000, waitMs))
