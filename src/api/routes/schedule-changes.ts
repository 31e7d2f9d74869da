import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { runAnswer, scheduleAnswer } from '../schedule-answers.js'
import { PageQuery } from '../schemas/blocklist.js'
import { IdParams } from '../schemas/notification.js'
import { RunAnswer, RunsAnswer, ScheduleAnswer } from '../schemas/schedules.js'
import { isId } from './ids.js'
import { noSchedule } from './schedules.js'

const PAGE = 20

/** What is done with a schedule that exists, and what it has done. */
export function scheduleChangeRoutes(api: Api, { schedules, rules }: ServerOptions): void {
  const tags = ['schedules']
  const roles = ['sender', 'admin'] as const
  const one = { tags, params: IdParams, response: { 200: ScheduleAnswer } }

  api.post(
    '/schedules/:id/pause',
    { schema: { ...one, summary: 'Pause a schedule' }, config: { roles, failures: ['not_found'] } },
    async (request) => {
      const { id } = request.params
      const record = isId(id) ? await schedules.pause(callerOf(request).tenantId, id) : null
      return scheduleAnswer(record ?? noSchedule())
    },
  )
  api.post(
    '/schedules/:id/resume',
    {
      schema: {
        ...one,
        summary: 'Let a schedule go on',
        description: 'It goes on with the next run; those of the pause are not made up for.',
      },
      config: { roles, failures: ['not_found', 'conflict'] },
    },
    async (request) => {
      const { id } = request.params
      const { tenantId } = callerOf(request)
      const record = isId(id) ? await schedules.resume(tenantId, id, rules.clock.now()) : null
      return scheduleAnswer(record ?? noSchedule())
    },
  )
  api.post(
    '/schedules/:id/run',
    {
      schema: {
        summary: 'Run a schedule now, besides its plan',
        description: 'Also while it is paused and after it has ended. It is fired within a second or two.',
        tags,
        params: IdParams,
        response: { 200: RunAnswer },
      },
      config: { roles, failures: ['not_found', 'conflict'] },
    },
    async (request) => {
      const { id } = request.params
      const run = isId(id) ? await schedules.runNow(callerOf(request).tenantId, id) : null
      return runAnswer(run ?? noSchedule())
    },
  )
  api.get(
    '/schedules/:id/runs',
    {
      schema: {
        summary: 'List the last 1000 runs of a schedule, newest first',
        tags,
        params: IdParams,
        querystring: PageQuery,
        response: { 200: RunsAnswer },
      },
      config: { roles, failures: ['not_found'] },
    },
    async (request) => {
      const { limit = PAGE, cursor = null } = request.query
      const { id } = request.params
      const page = isId(id) ? await schedules.runs(callerOf(request).tenantId, id, { limit, cursor }) : null
      const { items, nextCursor } = page ?? noSchedule()
      return { runs: items.map(runAnswer), next_cursor: nextCursor }
    },
  )
}
