import { sendAnswer } from '../answers.js'
import { callerOf, requireTenant } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { traceparentOf } from '../http/server-spans.js'
import type { ServerOptions } from '../options.js'
import { readIdempotency } from '../requests/idempotency.js'
import { SendHeaders } from '../schemas/headers.js'
import { SendAnswer, SendBody } from '../schemas/send.js'
import { SUBMIT_FAILURES } from './failures.js'

/** `POST /notifications/send`: answered when the notification is durable. */
export function sendRoute(api: Api, { sending }: ServerOptions): void {
  api.post(
    '/notifications/send',
    {
      schema: {
        summary: 'Send a notification to one user',
        tags: ['notifications'],
        headers: SendHeaders,
        body: SendBody,
        response: { 200: SendAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: SUBMIT_FAILURES, traced: true },
    },
    async (request, reply) => {
      const { body, headers } = request
      requireTenant(callerOf(request), body.tenant_id)
      const { value, replayed } = await sending.send(body, {
        traceparent: traceparentOf(request),
        idempotency: readIdempotency('send', headers['idempotency-key'], body),
      })
      if (replayed) reply.header('idempotency-replayed', 'true')
      return sendAnswer(value)
    },
  )
}
