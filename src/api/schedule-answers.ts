import { nextRuns, parseRecurrence } from '../model/recurrence.js'
import type { ScheduleRecord, ScheduleRunRecord, ScheduleSummary } from './ports.js'
import { isoTime, isoTimeOrNull } from './requests/time.js'
import type { RunAnswer, ScheduleAnswer, ScheduleSummary as SummaryAnswer } from './schemas/schedules.js'

const NEXT_RUNS = 5

export const summaryAnswer = (record: ScheduleSummary): SummaryAnswer => ({
  id: record.id,
  tenant_id: record.tenantId,
  name: record.name,
  cron: record.cron,
  every: record.every,
  timezone: record.timezone,
  starts_at: isoTime(record.startsAt),
  ends_at: isoTimeOrNull(record.endsAt),
  missed: record.missed,
  state: record.paused ? 'paused' : record.nextRunAt === null ? 'ended' : 'active',
  next_run_at: isoTimeOrNull(record.nextRunAt),
  created_by: record.createdBy,
  created_at: isoTime(record.createdAt),
  updated_at: isoTime(record.updatedAt),
})

export const scheduleAnswer = (record: ScheduleRecord): ScheduleAnswer => ({
  ...summaryAnswer(record),
  next_runs: upcoming(record).map(isoTime),
  message: record.message,
})

function upcoming(record: ScheduleRecord): readonly number[] {
  const { nextRunAt, endsAt } = record
  const recurrence = parseRecurrence(record)
  if (nextRunAt === null || typeof recurrence === 'string') return []
  const runs = [nextRunAt, ...nextRuns(recurrence, nextRunAt, NEXT_RUNS - 1)]
  return runs.filter((run) => endsAt === null || run <= endsAt)
}

export const runAnswer = (run: ScheduleRunRecord): RunAnswer => ({
  planned_at: isoTime(run.plannedAt),
  status: run.status,
  attempts: run.attempt,
  fired_at: isoTimeOrNull(run.firedAt),
  notification_id: run.notificationId,
  job_id: run.jobId,
  accepted: run.accepted,
  refused: run.refused,
  error: run.error,
})
