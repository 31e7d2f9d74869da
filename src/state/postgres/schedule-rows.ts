import type {
  ScheduleDefinition,
  ScheduleRecord,
  ScheduleRunRecord,
  ScheduleSummary,
} from '../../api/ports.js'
import type { JsonObject } from '../../model/json.js'
import type { MissedPolicy, RunStatus } from '../../model/schedule.js'

export interface TimingRow {
  readonly cron: string | null
  readonly every: string | null
  readonly timezone: string
  readonly starts_at: number
  readonly ends_at: number | null
  readonly missed: MissedPolicy
}

export interface SummaryRow extends TimingRow {
  readonly id: string
  readonly tenant_id: string
  readonly name: string
  readonly paused: boolean
  readonly next_run_at: number | null
  readonly created_by: string
  readonly created_at: number
  readonly updated_at: number
}

export interface RecordRow extends SummaryRow {
  readonly message: JsonObject
  readonly revision: number
}

export interface RunRow {
  readonly planned_at: number
  readonly status: RunStatus
  readonly attempt: number
  readonly fired_at: number | null
  readonly notification_id: string | null
  readonly job_id: string | null
  readonly accepted: number | null
  readonly refused: number | null
  readonly error: string | null
}

export const toTiming = ({ cron, every, timezone, starts_at, ends_at, missed }: TimingRow) => ({
  cron,
  every,
  timezone,
  startsAt: starts_at,
  endsAt: ends_at,
  missed,
})

export const toSummary = (row: SummaryRow): ScheduleSummary => ({
  ...toTiming(row),
  id: row.id,
  tenantId: row.tenant_id,
  name: row.name,
  paused: row.paused,
  nextRunAt: row.next_run_at,
  createdBy: row.created_by,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

export const toRecord = (row: RecordRow): ScheduleRecord => ({ ...toSummary(row), message: row.message })

export const toRun = (row: RunRow): ScheduleRunRecord => ({
  plannedAt: row.planned_at,
  status: row.status,
  attempt: row.attempt,
  firedAt: row.fired_at,
  notificationId: row.notification_id,
  jobId: row.job_id,
  accepted: row.accepted,
  refused: row.refused,
  error: row.error,
})

/** A definition as the one JSON parameter of the statements that write it. */
export const toValues = (definition: ScheduleDefinition, nextRunAt: number): string =>
  JSON.stringify({
    name: definition.name,
    cron: definition.cron,
    every: definition.every,
    timezone: definition.timezone,
    starts_at: definition.startsAt,
    ends_at: definition.endsAt,
    missed: definition.missed,
    message: definition.message,
    next_run_at: nextRunAt,
  })
