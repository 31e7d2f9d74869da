import { setTimeout as delay } from 'node:timers/promises'
import { judgeDue } from '../model/due-run.js'
import type { RunResult, RunToFire } from '../model/schedule.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { LeasedRun, ScheduleRuns } from './schedule-ports.js'
import { reportFired, reportPlanned } from './schedule-report.js'

export interface RunnerPorts {
  readonly runs: ScheduleRuns
  /** Submits the notifications of a run. Must not reject; a run that is fired twice submits nothing twice. */
  readonly fire: (run: RunToFire) => Promise<RunResult>
  readonly telemetry: Telemetry
}

export interface RunnerOptions {
  /** How late a run may be before it counts as missed. */
  readonly missedAfterMs: number
  /** How often it is looked for what is due. */
  readonly intervalMs: number
  /** How long a run is one instance's; what was refused for now, or lost with its instance, is fired again after it. */
  readonly leaseMs: number
  /** How long a run that is fired again is recognised. */
  readonly keyTtlMs: number
  /** How many runs are fired at once. */
  readonly slots: number
}

const PLANNED_AT_ONCE = 200
/** Then it ends, whatever the reason is: refused for so long, or the end of so many instances. */
const MOST_ATTEMPTS = 25

const ABANDONED: RunResult = {
  status: 'failed',
  notificationId: null,
  jobId: null,
  accepted: 0,
  refused: 0,
  error: `internal: given up after ${MOST_ATTEMPTS} attempts`,
}
const MISSED: RunResult = { ...ABANDONED, error: 'internal: missed, the service was away when it was due' }
/** With many due at once, runs wait for a free slot. */
const LEASES_OF_GRACE = 5

/**
 * Fires recurring schedules. What is due is first moved on and written down as a run, by one instance;
 * then the run is leased, fired and its result recorded, and fired again when that does not happen.
 */
export class ScheduleRunner {
  readonly #ports: RunnerPorts
  readonly #options: RunnerOptions
  readonly #stop = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  #ticking: Promise<void> = Promise.resolve()
  #taking: Promise<void> | null = null

  constructor(ports: RunnerPorts, options: RunnerOptions) {
    this.#ports = ports
    this.#options = options
  }

  start(): void {
    this.#ticking = this.#tick()
  }

  /** Begins no more runs; resolves when those under way are recorded. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ticking
    await this.#taking
    await Promise.all(this.#underWay)
  }

  async #tick(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#guarded(() => this.#plan())
      // Not awaited: while the slots are full, what falls due is written down all the same.
      this.#taking ??= this.#guarded(() => this.#take()).finally(() => {
        this.#taking = null
      })
      await delay(this.#options.intervalMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #plan(): Promise<void> {
    const { runs, telemetry } = this.#ports
    const { missedAfterMs } = this.#options
    while (!this.#stop.signal.aborted) {
      const due = await runs.due(PLANNED_AT_ONCE)
      if (due.length === 0) return
      const planned = due.map((one) => ({ due: one, run: judgeDue(one, missedAfterMs) }))
      const ours = await runs.plan(planned)
      for (const { due, run } of planned) {
        if (ours.has(due.scheduleId)) reportPlanned(telemetry, due, run, missedAfterMs)
      }
      if (due.length < PLANNED_AT_ONCE || ours.size === 0) return
    }
  }

  /** Until there is nothing left to fire. */
  async #take(): Promise<void> {
    const { slots, leaseMs } = this.#options
    while (!this.#stop.signal.aborted) {
      const free = slots - this.#underWay.size
      const leased = free === 0 ? [] : await this.#ports.runs.lease(free, leaseMs)
      for (const run of leased) this.#begin(run)
      if (leased.length < free) return
      await Promise.race(this.#underWay)
    }
  }

  #begin(run: LeasedRun): void {
    const work = this.#guarded(() => this.#fire(run)).finally(() => this.#underWay.delete(work))
    this.#underWay.add(work)
  }

  async #fire(run: LeasedRun): Promise<void> {
    const result = this.#outOfTime(run) ?? atLast(run.attempt, await this.#ports.fire(run))
    // Otherwise another instance has it by now, and tells.
    if (await this.#ports.runs.record(run, result)) reportFired(this.#ports.telemetry, run, result)
  }

  /** A run that was written down and then left lying, because every instance went away. */
  #outOfTime({ attempt, lateMs, missed }: LeasedRun): RunResult | null {
    const { missedAfterMs, leaseMs, keyTtlMs } = this.#options
    if (attempt > MOST_ATTEMPTS) return ABANDONED
    if (attempt === 1 && missed === 'skip' && lateMs > missedAfterMs + LEASES_OF_GRACE * leaseMs)
      return MISSED
    // Its key is forgotten by then, and it may have been fired already.
    return attempt > 1 && lateMs > keyTtlMs ? MISSED : null
  }

  /** What could not be done is still to be done in the store, and is found there the next time. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (err) {
      this.#ports.telemetry.log.event('schedule.unavailable', { err })
    }
  }
}

/** The last time, what is refused for now is refused for good; those who were accepted are not forgotten. */
function atLast(attempt: number, result: RunResult): RunResult {
  if (result.status !== 'again' || attempt < MOST_ATTEMPTS) return result
  return { ...result, status: result.accepted > 0 ? 'done' : 'failed' }
}
