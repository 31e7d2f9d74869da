import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { JobStreams, noJob } from '../jobs/job-streams.js'
import type { ServerOptions } from '../options.js'
import { IdParams } from '../schemas/notification.js'
import { isId } from './ids.js'

/** `GET /jobs/:id/events`: how far a batch has come, as it goes. */
export function jobEventRoutes(api: Api, { jobs, telemetry }: ServerOptions): void {
  const streams = new JobStreams(jobs, telemetry)
  // Before the server waits for what is under way: these would keep it.
  api.addHook('preClose', async () => streams.close())
  api.get(
    '/jobs/:id/events',
    {
      // A stream that is never read would stay open.
      exposeHeadRoute: false,
      schema: {
        summary: 'Follow the progress of a batch',
        description:
          'Server-sent events. `progress` with the body of `GET /jobs/:id`, at once and whenever it has changed; `completed` with the same, and the end. It ends besides when the token expires, after an hour, and when the instance stops: connect again.',
        tags: ['jobs'],
        params: IdParams,
      },
      config: {
        roles: ['sender', 'admin'],
        failures: ['not_found', 'too_many_connections', 'shutting_down'],
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { tenantId, expiresAt } = callerOf(request)
      if (!isId(id)) throw noJob()
      const stream = await streams.open(tenantId, id, expiresAt)
      return (
        reply
          .header('content-type', 'text/event-stream; charset=utf-8')
          // nginx would gather what is written.
          .header('x-accel-buffering', 'no')
          // Its headers are out when the instance begins to stop: kept alive, the connection would hold it up.
          .header('connection', 'close')
          .send(stream)
      )
    },
  )
}
