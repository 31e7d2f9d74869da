import { batchAnswer } from '../answers.js'
import { callerOf, requireTenant } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { traceparentOf } from '../http/server-spans.js'
import type { ServerOptions } from '../options.js'
import { readIdempotency } from '../requests/idempotency.js'
import { BatchAnswer, BatchBody } from '../schemas/batch.js'
import { SendHeaders } from '../schemas/headers.js'
import { SUBMIT_FAILURES } from './failures.js'

/** `POST /notifications/batch`: one notification for each of up to 1000 users. */
export function batchRoute(api: Api, { sending, requestLimits }: ServerOptions): void {
  api.post(
    '/notifications/batch',
    {
      bodyLimit: requestLimits.batchBodyLimitBytes,
      schema: {
        summary: 'Send a notification to up to 1000 users',
        description:
          'Outcomes are independent. With an Idempotency-Key header, a retry submits only what is missing.',
        tags: ['notifications'],
        headers: SendHeaders,
        body: BatchBody,
        response: { 200: BatchAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: SUBMIT_FAILURES, traced: true },
    },
    async (request, reply) => {
      const { body, headers } = request
      requireTenant(callerOf(request), body.tenant_id)
      const { value, replayed } = await sending.sendBatch(body, {
        traceparent: traceparentOf(request),
        idempotency: readIdempotency('batch', headers['idempotency-key'], body),
      })
      if (replayed) reply.header('idempotency-replayed', 'true')
      return batchAnswer(value)
    },
  )
}
