import { callerOf, requireTenant } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import type { BatchResult } from '../requests/batch.js'
import { readIdempotency } from '../requests/idempotency.js'
import { isoTime } from '../requests/time.js'
import { readTraceparent } from '../requests/traceparent.js'
import { BatchAnswer, BatchBody } from '../schemas/batch.js'
import { SendHeaders } from '../schemas/headers.js'
import { SUBMIT_FAILURES } from './failures.js'

const BODY_LIMIT_BYTES = 8 * 1024 * 1024
/** The counts by code are complete in the job; this list is for reading. */
const MAX_REFUSED_SHOWN = 100

/** `POST /notifications/batch`: one notification for each of up to 1000 users. */
export function batchRoute(api: Api, { sending }: ServerOptions): void {
  api.post(
    '/notifications/batch',
    {
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        summary: 'Send a notification to up to 1000 users',
        description:
          'Outcomes are independent. With an Idempotency-Key header, a retry submits only what is missing.',
        tags: ['notifications'],
        headers: SendHeaders,
        body: BatchBody,
        response: { 200: BatchAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: SUBMIT_FAILURES },
    },
    async (request, reply) => {
      const { body, headers } = request
      requireTenant(callerOf(request), body.tenant_id)
      const { value, replayed } = await sending.sendBatch(body, {
        traceparent: readTraceparent(headers.traceparent),
        idempotency: readIdempotency('batch', headers['idempotency-key'], body),
      })
      if (replayed) reply.header('idempotency-replayed', 'true')
      return batchAnswer(value)
    },
  )
}

function batchAnswer({ job, outcomes }: BatchResult): BatchAnswer {
  const refused = outcomes.flatMap((outcome) =>
    outcome.kind === 'refused'
      ? [{ user_id: outcome.userId, code: outcome.failure.code, detail: outcome.failure.message }]
      : [],
  )
  const open = outcomes.some(
    (outcome) =>
      outcome.kind === 'accepted' &&
      (outcome.acceptance.status === 'pending' || outcome.acceptance.status === 'sending'),
  )
  return {
    job_id: job.id,
    total_users: job.total,
    status: open ? 'processing' : 'completed',
    created_at: isoTime(job.createdAt),
    accepted: outcomes.length - refused.length,
    refused: refused.slice(0, MAX_REFUSED_SHOWN),
  }
}
