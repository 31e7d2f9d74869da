import type { Telemetry } from '../telemetry/telemetry.js'
import { Isolation } from './isolation.js'
import type { Job } from './job.js'
import { Lane } from './lane.js'
import { culprit, tellLoss } from './losses.js'
import { type Pack, pack } from './pack.js'
import { overloaded, unavailable } from './refusals.js'
import { type Result, Results } from './results.js'
import type { Threads } from './threads.js'
import type { Pace } from './work.js'

export interface PoolOptions {
  /** After which a text ends by itself, where it can. */
  readonly timeoutMs: number
  /** After which its thread is ended. */
  readonly hardTimeoutMs: number
  /** Jobs that may wait. */
  readonly maxWaiting: number
}

/** How long a text waits for its turn at most. */
const PATIENCE_MS = 10_000
/** About a hundred times what an ordinary text takes. */
const SLOW_ON_AVERAGE_MS = 2

/** Has texts worked on by two threads: one for everybody, and one for those who would hold up the others. */
export class Pool {
  readonly #threads: Threads
  readonly #telemetry: Telemetry
  readonly #lane: Lane
  readonly #isolation: Isolation
  readonly #maxWaiting: number
  readonly #limitMs: number
  readonly #pace: Pace
  #waiting = 0

  constructor({ timeoutMs, hardTimeoutMs, maxWaiting }: PoolOptions, threads: Threads, telemetry: Telemetry) {
    this.#threads = threads
    this.#telemetry = telemetry
    this.#lane = new Lane(threads)
    this.#isolation = new Isolation({ timeoutMs, hardTimeoutMs }, threads, telemetry)
    this.#maxWaiting = maxWaiting
    // Sooner than what is held against a text: it gets another try, in isolation, and holds up nobody there.
    this.#limitMs = Math.min(2 * timeoutMs, hardTimeoutMs)
    this.#pace = { budgetMs: timeoutMs, slowMs: SLOW_ON_AVERAGE_MS, final: false }
  }

  /** In order. Never rejects. */
  async run(jobs: readonly Job[]): Promise<readonly Result[]> {
    if (this.#waiting + jobs.length > this.#maxWaiting) {
      const failure = overloaded('too many wait already')
      return jobs.map(() => failure)
    }
    const results = new Results()
    const held = jobs.filter(({ tenantId }) => this.#isolation.holds(tenantId))
    const free = jobs.filter(({ tenantId }) => !this.#isolation.holds(tenantId))
    this.#count(jobs.length)
    try {
      await Promise.all([this.#share(free, results), this.#isolation.run(held, results)])
    } finally {
      this.#count(-jobs.length)
    }
    return jobs.map((job) => results.get(job) ?? unavailable())
  }

  /** What waits or is under way is refused. */
  async close(): Promise<void> {
    this.#lane.close()
    this.#isolation.close()
    await this.#threads.close()
  }

  #count(change: number): void {
    this.#waiting += change
    this.#telemetry.metrics.renderWaiting.set(this.#waiting)
  }

  async #share(jobs: readonly Job[], results: Results): Promise<void> {
    await Promise.all(pack(jobs).map((some) => this.#sharePack(some, results, 2)))
  }

  async #sharePack(some: Pack, results: Results, tries: number): Promise<void> {
    const options = { limitMs: this.#limitMs, patienceMs: PATIENCE_MS }
    const result = await this.#lane.run(some.write(this.#pace), options)
    if (result.kind === 'done') {
      const { putBack } = results.take(some.jobs, result.answer)
      return this.#isolation.run(putBack, results)
    }
    if (result.kind !== 'lost') return results.refuse(some.jobs, result.kind)

    const suspect = culprit(some.jobs, result)
    tellLoss(this.#telemetry, result, suspect)
    if (suspect === undefined) {
      // The thread could not start, or what it was handed was too much for it: no text is to blame.
      return tries > 1 ? this.#sharePack(some, results, tries - 1) : results.fail(some.jobs, unavailable())
    }
    const { tenantId } = suspect
    this.#isolation.put(tenantId, result.reason, result.ms)
    const others = some.jobs.filter((job) => job.tenantId !== tenantId)
    const rest = some.jobs.filter((job) => job.tenantId === tenantId && job !== suspect)
    await Promise.all([this.#share(others, results), this.#isolation.run(rest, results, suspect)])
  }
}
