import type { DueRun } from '../model/due-run.js'
import type { RunResult } from '../model/schedule.js'
import type { EventName } from '../telemetry/events.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { FoundDue, LeasedRun } from './schedule-ports.js'

const EVENTS: Readonly<Record<RunResult['status'], EventName>> = {
  done: 'schedule.fired',
  failed: 'schedule.failed',
  again: 'schedule.postponed',
}

/** Tells what does not happen as planned; the rest is told once it is fired. */
export function reportPlanned(
  { log, metrics }: Telemetry,
  { scheduleId, tenantId, plannedAt, now, missed }: FoundDue,
  { status, error }: DueRun,
  missedAfterMs: number,
): void {
  const fields = { schedule_id: scheduleId, tenant_id: tenantId, planned_at: isoTime(plannedAt) }
  if (status !== 'firing') metrics.scheduleRuns.inc({ result: status })
  if (status === 'failed') log.event('schedule.failed', { ...fields, reason: error })
  else if (now - plannedAt > missedAfterMs) log.event('schedule.missed', { ...fields, policy: missed })
}

export function reportFired({ log, metrics }: Telemetry, run: LeasedRun, result: RunResult): void {
  metrics.scheduleRuns.inc({ result: result.status })
  log.event(EVENTS[result.status], {
    schedule_id: run.scheduleId,
    tenant_id: run.tenantId,
    planned_at: isoTime(run.plannedAt),
    attempt: run.attempt,
    ...(result.notificationId === null ? {} : { notification_id: result.notificationId }),
    ...(result.jobId === null ? {} : { job_id: result.jobId }),
    accepted: result.accepted,
    refused: result.refused,
    ...(result.error === null ? {} : { reason: result.error }),
  })
}

const isoTime = (time: number): string => new Date(time).toISOString()
