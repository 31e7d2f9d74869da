import type { DueRun, DueSchedule } from '../model/due-run.js'
import type { MissedPolicy, RunResult, RunToFire } from '../model/schedule.js'

/** A schedule whose time has come, as it stood when it was read. */
export interface FoundDue extends DueSchedule {
  readonly scheduleId: string
  readonly tenantId: string
  readonly revision: number
}

/** A run that this instance has to itself until its lease ends. */
export interface LeasedRun extends RunToFire {
  /** How often it was leased, this time included. */
  readonly attempt: number
  /** How long its time has passed. */
  readonly lateMs: number
  readonly missed: MissedPolicy
}

/** The runs of schedules. Of all instances one is first; every method is one round trip. */
export interface ScheduleRuns {
  /** Schedules whose time has come, the longest overdue first. */
  due(limit: number): Promise<readonly FoundDue[]>
  /** Moves schedules on and writes their runs; resolves to the ids of those where this instance was first. */
  plan(runs: readonly { readonly due: FoundDue; readonly run: DueRun }[]): Promise<ReadonlySet<string>>
  lease(limit: number, leaseMs: number): Promise<readonly LeasedRun[]>
  /** Writes what a run came to; false when the run is no longer ours. */
  record(run: LeasedRun, result: RunResult): Promise<boolean>
}
