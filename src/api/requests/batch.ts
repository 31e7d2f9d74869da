import type { Acceptance } from '../../model/acceptance.js'
import type { Failure } from '../../model/failure.js'
import type { Idempotency } from '../../model/notification.js'
import type { Log } from '../../telemetry/log.js'
import { refusalOf } from '../http/refusal.js'
import type { Intake, Job, Jobs } from '../ports.js'
import type { Recipient } from './recipients.js'

/** What became of one user of a batch. */
export type UserOutcome =
  | { readonly kind: 'accepted'; readonly userId: string; readonly acceptance: Acceptance }
  | { readonly kind: 'refused'; readonly userId: string; readonly failure: Failure }

export interface BatchResult {
  readonly job: Job
  /** The job is an earlier request's, with the same key. */
  readonly existing: boolean
  readonly outcomes: readonly UserOutcome[]
}

/**
 * Opens a job and hands one notification for each recipient to the intake. Outcomes are
 * independent. A second request with the same key submits only what is missing, because
 * every row has a key of its own, made of the job and the user.
 * @throws Failure when nobody was accepted, and all for the same reason
 */
export async function submitBatch(
  { intake, jobs, log }: { readonly intake: Intake; readonly jobs: Jobs; readonly log: Log },
  tenantId: string,
  recipients: readonly Recipient[],
  idempotency: Idempotency | null,
): Promise<BatchResult> {
  const { job, existing } = await jobs.open(tenantId, recipients.length, idempotency)
  const outcomes = await Promise.all(
    recipients.map((recipient) => submit(intake, recipient, job.id, idempotency)),
  )
  const refused = outcomes.flatMap((outcome) => (outcome.kind === 'refused' ? [outcome.failure] : []))
  const ours = refused.find((failure) => failure.code === 'internal')
  if (ours !== undefined) {
    log.event('http.request_failed', { tenant_id: tenantId, job_id: job.id, err: ours.cause ?? ours })
  }
  const common = refused.length === outcomes.length ? commonFailure(refused) : null
  if (common === null) {
    // The rows are written: a count that cannot be kept must not make the sender try again.
    await jobs.close(job.id, countByCode(refused)).catch((err: unknown) => {
      log.event('http.request_failed', { tenant_id: tenantId, job_id: job.id, err })
    })
    return { job, existing, outcomes }
  }
  // An earlier request's job may have rows; an attempt that came to nothing leaves it as it was.
  if (!existing) await jobs.discard(job.id)
  throw common
}

async function submit(
  intake: Intake,
  { userId, message, refusal }: Recipient,
  jobId: string,
  idempotency: Idempotency | null,
): Promise<UserOutcome> {
  if (refusal !== null) return { kind: 'refused', userId, failure: refusal }
  const key =
    idempotency === null ? null : { key: `${jobId}#${userId}`, fingerprint: idempotency.fingerprint }
  try {
    const acceptance = await intake.submit({ ...message, userId, jobId }, key)
    return { kind: 'accepted', userId, acceptance }
  } catch (error) {
    return { kind: 'refused', userId, failure: refusalOf(error) }
  }
}

/** The first failure, when all have its code. */
function commonFailure(failures: readonly Failure[]): Failure | null {
  const [first] = failures
  return first !== undefined && failures.every(({ code }) => code === first.code) ? first : null
}

function countByCode(failures: readonly Failure[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { code } of failures) counts[code] = (counts[code] ?? 0) + 1
  return counts
}
