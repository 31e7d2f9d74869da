import type { Json } from './json.js'

/** What becomes of a run that was missed while the service was down: one run for all of them, or none. */
export const MISSED_POLICIES = ['run_once', 'skip'] as const
export type MissedPolicy = (typeof MISSED_POLICIES)[number]

/** When a schedule runs. Times are epoch milliseconds. */
export interface Timing {
  /** Either this or `every`. */
  readonly cron: string | null
  readonly every: string | null
  /** IANA. */
  readonly timezone: string
  readonly startsAt: number
  /** No run is after it. Null: it goes on for ever. */
  readonly endsAt: number | null
  readonly missed: MissedPolicy
}

export const RUN_STATUSES = ['firing', 'done', 'failed', 'missed'] as const
export type RunStatus = (typeof RUN_STATUSES)[number]

/** A run of a schedule: an ordinary notification or batch. */
export interface RunToFire {
  readonly scheduleId: string
  readonly tenantId: string
  /** With the schedule it names the run, however often it is fired. */
  readonly plannedAt: number
  /** As it was stored when the schedule was written. */
  readonly message: Json
}

/** What firing a run came to. */
export interface RunResult {
  /** `again`: for now it was refused, wholly or in part. */
  readonly status: 'done' | 'failed' | 'again'
  readonly notificationId: string | null
  readonly jobId: string | null
  readonly accepted: number
  readonly refused: number
  /** Codes and messages of the catalogue; null when nothing was refused. */
  readonly error: string | null
}
