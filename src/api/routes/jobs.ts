import { jobAnswer } from '../answers.js'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { noJob } from '../jobs/job-streams.js'
import type { ServerOptions } from '../options.js'
import { JobAnswer } from '../schemas/batch.js'
import { IdParams } from '../schemas/notification.js'
import { isId } from './ids.js'

/** `GET /jobs/:id`: how far a batch has come. */
export function jobRoutes(api: Api, { jobs }: ServerOptions): void {
  api.get(
    '/jobs/:id',
    {
      schema: {
        summary: 'Read the progress of a batch',
        tags: ['jobs'],
        params: IdParams,
        response: { 200: JobAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: ['not_found'] },
    },
    async (request) => {
      const { id } = request.params
      const job = isId(id) ? await jobs.find(callerOf(request).tenantId, id) : null
      if (job === null) throw noJob()
      return jobAnswer(job)
    },
  )
}
