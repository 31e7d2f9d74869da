import type { Acceptance } from '../../model/acceptance.js'
import { FAILURES, type Failure, type FailureCode } from '../../model/failure.js'
import type { Channel, Idempotency } from '../../model/notification.js'
import type { RunResult, RunToFire } from '../../model/schedule.js'
import type { Log } from '../../telemetry/log.js'
import { refusalOf } from '../http/refusal.js'
import type { Intake, Jobs } from '../ports.js'
import { type BatchResult, submitBatch } from './batch.js'
import { fingerprint } from './idempotency.js'
import type { MessageRules } from './message.js'
import { inMessage, readKeptMessage, readScheduledMessage } from './recurring-message.js'
import { isoTime } from './time.js'

export interface FiringPorts {
  readonly intake: Intake
  readonly jobs: Jobs
  readonly rules: MessageRules
  /** Why nothing may be submitted for a channel now; null while there is room. */
  readonly admission: (channel: Channel, tenantId: string) => Failure | null
  readonly log: Log
}

/**
 * Submits the runs of schedules as send and batch do. A run that is fired again, after a crash or
 * because it was refused for a while, submits only what is missing: its key is the same. Never rejects.
 */
export function fireRuns(ports: FiringPorts): (run: RunToFire) => Promise<RunResult> {
  return async (run) => {
    try {
      return await submit(run, ports)
    } catch (error) {
      return refused(refusalOf(error), run, ports.log)
    }
  }
}

async function submit({ scheduleId, tenantId, plannedAt, ...run }: RunToFire, ports: FiringPorts) {
  const message = readKeptMessage(run.message)
  const refusal = ports.admission(message.channel, tenantId)
  if (refusal !== null) throw refusal
  const submission = readScheduledMessage(message, tenantId, ports.rules)
  const key = `schedule:${scheduleId}:${isoTime(plannedAt)}`
  // Not of the message: it may have been replaced since the run was fired for the first time.
  const idempotency: Idempotency = { key, fingerprint: fingerprint('schedule', key) }
  if (submission.kind === 'batch')
    return batchResult(await submitBatch(ports, tenantId, submission.recipients, idempotency))
  const { recipient } = submission
  if (recipient.refusal !== null) throw inMessage(recipient.refusal)
  const request = { ...recipient.message, userId: recipient.userId, jobId: null }
  return sendResult(await ports.intake.submit(request, idempotency))
}

const sendResult = ({ id }: Acceptance): RunResult => ({
  status: 'done',
  notificationId: id,
  jobId: null,
  accepted: 1,
  refused: 0,
  error: null,
})

function batchResult({ job, outcomes }: BatchResult): RunResult {
  const codes = outcomes.flatMap((outcome) => (outcome.kind === 'refused' ? [outcome.failure.code] : []))
  const accepted = outcomes.length - codes.length
  const again = codes.some((code) => FAILURES[code].retry)
  return {
    status: again ? 'again' : accepted > 0 ? 'done' : 'failed',
    notificationId: null,
    jobId: job.id,
    accepted,
    refused: codes.length,
    error: codes.length === 0 ? null : counted(codes),
  }
}

function refused(failure: Failure, { scheduleId, tenantId }: RunToFire, log: Log): RunResult {
  const { code, message, cause } = failure
  if (code === 'internal')
    log.event('schedule.fire_failed', { schedule_id: scheduleId, tenant_id: tenantId, err: cause ?? failure })
  return {
    status: FAILURES[code].retry ? 'again' : 'failed',
    notificationId: null,
    jobId: null,
    accepted: 0,
    refused: 0,
    error: `${code}: ${message}`,
  }
}

/** Such as `2 invalid_address, 1 overloaded`. */
function counted(codes: readonly FailureCode[]): string {
  const counts = new Map<FailureCode, number>()
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts].map(([code, count]) => `${count} ${code}`).join(', ')
}
