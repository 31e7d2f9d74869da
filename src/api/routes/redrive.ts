import { notificationAnswer } from '../answers.js'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { readDeadLetterFilter } from '../requests/dead-letters.js'
import { isoTime } from '../requests/time.js'
import { DeadLetterParams, RedriveAnswer, RedriveBody, RedriveRoundAnswer } from '../schemas/dead-letters.js'
import { IdParams, NotificationAnswer } from '../schemas/notification.js'
import { noNotification } from '../use-cases/inbox.js'
import { isNotificationId, noDeadLetter } from './dead-letters.js'
import { isId } from './ids.js'

const AT_ONCE = 100

/** Sends dead letters on their way again: one, or all that fit a filter, so many at a time. */
export function redriveRoutes(api: Api, { redriving, notifications, rules }: ServerOptions): void {
  const tags = ['dead letters']
  const failures = ['not_found', 'conflict', 'queue_full', 'overloaded', 'shutting_down'] as const
  api.post(
    '/notifications/:id/redrive',
    {
      schema: {
        summary: 'Try again what ended as failed or uncertain',
        description:
          'It passes every stage again and has its retries anew. What was `uncertain` may have arrived: then it arrives twice.',
        tags: ['notifications'],
        params: IdParams,
        response: { 200: NotificationAnswer },
      },
      config: { roles: ['sender', 'admin'], failures: ['not_found', 'conflict'] },
    },
    async (request) => {
      const { id } = request.params
      const { tenantId } = callerOf(request)
      if (!isId(id)) throw noNotification()
      await redriving.notification(tenantId, id)
      const record = await notifications.find(tenantId, id)
      if (record === null) throw noNotification()
      return notificationAnswer(record)
    },
  )
  api.post(
    '/dead_letters/:id/redrive',
    {
      schema: {
        summary: 'Redrive a dead letter',
        description:
          'A notification is pending again; what was `uncertain` may arrive twice. An event goes to the routes once more.',
        tags,
        params: DeadLetterParams,
        response: { 200: RedriveAnswer },
      },
      config: { roles: ['admin'], failures },
    },
    async (request) => {
      const { id } = request.params
      const { tenantId } = callerOf(request)
      if (!isId(id)) throw noDeadLetter()
      if (isNotificationId(id)) {
        await redriving.notification(tenantId, id)
        return { id, kind: 'notification' as const, status: 'pending' as const, accepted: 1 }
      }
      const accepted = await redriving.event(tenantId, id)
      return { id, kind: 'event' as const, status: 'redriven' as const, accepted }
    },
  )
  api.post(
    '/dead_letters/redrive',
    {
      schema: {
        summary: 'Redrive what fits a filter, up to 1000 at once',
        description:
          'The newest first. Repeat it with `until` and `cursor` from the answer until `next_cursor` is null.',
        tags,
        body: RedriveBody,
        response: { 200: RedriveRoundAnswer },
      },
      config: { roles: ['admin'], failures: ['queue_full', 'overloaded', 'shutting_down'] },
    },
    async (request) => {
      const { limit = AT_ONCE, cursor = null, ...asked } = request.body
      const filter = readDeadLetterFilter(asked)
      const until = filter.until ?? rules.clock.now()
      const { tenantId } = callerOf(request)
      const round = await redriving.matching(tenantId, { ...filter, until }, { limit, cursor })
      const { redriven, refused, remaining, nextCursor } = round
      return { redriven, refused, remaining, until: isoTime(until), next_cursor: nextCursor }
    },
  )
}
