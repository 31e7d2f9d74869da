import type { Acceptance } from '../../model/acceptance.js'
import { sendAnswer } from '../answers.js'
import { callerOf, requireTenant } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { contentsOf } from '../requests/attachments.js'
import { readIdempotency } from '../requests/idempotency.js'
import { InFlight } from '../requests/in-flight.js'
import { addressRefusal, readMessage } from '../requests/message.js'
import { readTraceparent } from '../requests/traceparent.js'
import { SendHeaders } from '../schemas/headers.js'
import { SendAnswer, SendBody } from '../schemas/send.js'
import { SUBMIT_FAILURES } from './failures.js'

/** `POST /notifications/send`: answered when the notification is durable. */
export function sendRoute(api: Api, { intake, attachments, rules, admission }: ServerOptions): void {
  const inFlight = new InFlight<Acceptance>()
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
      config: { roles: ['sender', 'admin'], failures: SUBMIT_FAILURES },
    },
    async (request, reply) => {
      const { body } = request
      requireTenant(callerOf(request), body.tenant_id)
      const message = readMessage(body, readTraceparent(request.headers.traceparent), rules)
      const idempotency = readIdempotency('send', request.headers['idempotency-key'], request.body)
      const refusal = addressRefusal(message, '/metadata', rules) ?? admission(message.channel)
      if (refusal !== null) throw refusal
      const notification = { ...message, userId: body.user_id, jobId: null }
      const work = async (): Promise<Acceptance> => {
        await attachments.keep(body.tenant_id, contentsOf(message, body))
        return intake.submit(notification, idempotency)
      }
      if (idempotency === null) return sendAnswer(await work())
      const { value, replayed } = await inFlight.join(body.tenant_id, idempotency, work)
      if (replayed || value.replayed) reply.header('idempotency-replayed', 'true')
      return sendAnswer(value)
    },
  )
}
