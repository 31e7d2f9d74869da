import { callerOf, requireTenant } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { validationFailed } from '../http/validation.js'
import type { ServerOptions } from '../options.js'
import { readIdempotency } from '../requests/idempotency.js'
import { metadataError } from '../requests/message.js'
import { SendHeaders } from '../schemas/headers.js'
import { BroadcastAnswer, BroadcastBody } from '../schemas/operations.js'

/** `POST /broadcast`: to every open socket of the tenant. Nothing is stored, so who is offline misses it. */
export function broadcastRoute(api: Api, { broadcaster, jobs, admission }: ServerOptions): void {
  api.post(
    '/broadcast',
    {
      schema: {
        summary: 'Send a message to every open socket of the tenant',
        tags: ['notifications'],
        headers: SendHeaders,
        body: BroadcastBody,
        response: { 202: BroadcastAnswer },
      },
      config: {
        roles: ['sender', 'admin'],
        failures: ['idempotency_mismatch', 'shutting_down', 'queue_full'],
      },
    },
    async (request, reply) => {
      const { tenant_id, title, content, priority = 'medium', metadata = {} } = request.body
      requireTenant(callerOf(request), tenant_id)
      const tooLarge = metadataError(metadata, '/metadata')
      if (tooLarge !== null) throw validationFailed([tooLarge])
      const refusal = admission('websocket', tenant_id)
      if (refusal !== null) throw refusal
      const idempotency = readIdempotency('broadcast', request.headers['idempotency-key'], request.body)
      // A job without users remembers the key, in every instance.
      const opened = idempotency && (await jobs.open(tenant_id, 0, idempotency))
      if (opened?.existing) {
        reply.header('idempotency-replayed', 'true')
      } else {
        try {
          await broadcaster.broadcast(tenant_id, { title, content, priority, metadata })
        } catch (error) {
          if (opened !== null) await jobs.discard(opened.job.id)
          throw error
        }
      }
      return reply.code(202).send({ tenant_id, status: 'broadcast' })
    },
  )
}
