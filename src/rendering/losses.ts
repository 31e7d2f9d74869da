import type { Telemetry } from '../telemetry/telemetry.js'
import type { Job } from './job.js'
import type { Lost } from './thread.js'
import { TOO_LARGE, takesLonger, UNUSABLE } from './wording.js'
import { type Complaint, partOfText, taskOfText } from './work.js'

/** The job over which a thread was lost. Undefined: over none. */
export const culprit = (jobs: readonly Job[], { text }: Lost): Job | undefined =>
  text === null ? undefined : jobs[taskOfText(text)]

/** What is said about a text over which its thread was lost twice. */
export function verdictOn({ reason, text }: Lost, hardTimeoutMs: number): Complaint {
  const messages = { timeout: takesLonger(hardTimeoutMs), memory: TOO_LARGE, crash: UNUSABLE }
  return { part: partOfText(text ?? 0), code: 'template_invalid', message: messages[reason] }
}

export function tellLoss({ log, metrics }: Telemetry, { reason, error }: Lost, job: Job | undefined): void {
  metrics.renderKilled.inc({ reason })
  log.event('render.worker_killed', {
    reason,
    ...(job === undefined ? {} : { tenant_id: job.tenantId }),
    // An error of the thread's own program; what a text throws never comes this far.
    ...(reason === 'crash' && error !== null ? { err: error } : {}),
  })
}
