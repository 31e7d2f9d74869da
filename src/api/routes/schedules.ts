import { Failure } from '../../model/failure.js'
import { callerOf, requireTenant } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { readDefinition } from '../requests/recurring-definition.js'
import { scheduleAnswer, summaryAnswer } from '../schedule-answers.js'
import { Nothing, PageQuery } from '../schemas/blocklist.js'
import { IdParams } from '../schemas/notification.js'
import { ScheduleAnswer, ScheduleBody, SchedulesAnswer } from '../schemas/schedules.js'
import { isId } from './ids.js'

const PAGE = 20

/** Notifications that are sent again and again. */
export function scheduleRoutes(api: Api, { schedules, rules, quietHours }: ServerOptions): void {
  const tags = ['schedules']
  const roles = ['sender', 'admin'] as const
  const one = { tags, params: IdParams, response: { 200: ScheduleAnswer } }
  const definitionOf = (body: ScheduleBody) => readDefinition(body, quietHours.timezone, rules)

  api.post(
    '/schedules',
    {
      schema: {
        summary: 'Send a notification again and again',
        description: 'Each run is an ordinary notification or batch. A tenant has at most 1000 schedules.',
        tags,
        body: ScheduleBody,
        response: { 200: ScheduleAnswer },
      },
      config: { roles, failures: ['invalid_address', 'conflict'] },
    },
    async (request) => {
      const { tenantId, subject } = callerOf(request)
      requireTenant(callerOf(request), request.body.tenant_id)
      const { definition, nextRunAt } = definitionOf(request.body)
      return scheduleAnswer(await schedules.create(tenantId, subject, definition, nextRunAt))
    },
  )
  api.put(
    '/schedules/:id',
    {
      schema: {
        ...one,
        summary: 'Replace a schedule',
        description: 'One that is paused stays so.',
        body: ScheduleBody,
      },
      config: { roles, failures: ['invalid_address', 'not_found'] },
    },
    async (request) => {
      const { tenantId } = callerOf(request)
      const { id } = request.params
      requireTenant(callerOf(request), request.body.tenant_id)
      const { definition, nextRunAt } = definitionOf(request.body)
      const record = isId(id) ? await schedules.replace(tenantId, id, definition, nextRunAt) : null
      return scheduleAnswer(record ?? noSchedule())
    },
  )
  api.get(
    '/schedules',
    {
      schema: {
        summary: 'List the schedules, oldest first',
        tags,
        querystring: PageQuery,
        response: { 200: SchedulesAnswer },
      },
      config: { roles },
    },
    async (request) => {
      const { limit = PAGE, cursor = null } = request.query
      const page = await schedules.list(callerOf(request).tenantId, { limit, cursor })
      return { schedules: page.items.map(summaryAnswer), next_cursor: page.nextCursor }
    },
  )
  api.get(
    '/schedules/:id',
    { schema: { ...one, summary: 'Read a schedule' }, config: { roles, failures: ['not_found'] } },
    async (request) => {
      const { id } = request.params
      const record = isId(id) ? await schedules.find(callerOf(request).tenantId, id) : null
      return scheduleAnswer(record ?? noSchedule())
    },
  )
  api.delete(
    '/schedules/:id',
    {
      schema: {
        summary: 'Delete a schedule with its runs',
        description: 'What it has sent stays.',
        tags,
        params: IdParams,
        response: { 204: Nothing },
      },
      config: { roles, failures: ['not_found'] },
    },
    async (request, reply) => {
      const { id } = request.params
      if (!isId(id) || !(await schedules.remove(callerOf(request).tenantId, id))) noSchedule()
      return reply.code(204).send(null)
    },
  )
}

export function noSchedule(): never {
  throw new Failure('not_found', 'there is no such schedule')
}
