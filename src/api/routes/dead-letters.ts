import { Failure } from '../../model/failure.js'
import { notificationDetail } from '../answers.js'
import { callerOf } from '../auth/access.js'
import { deadEventAnswer, deadLetterAnswer } from '../dead-letter-answers.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { readDeadLetterFilter } from '../requests/dead-letters.js'
import { Nothing } from '../schemas/blocklist.js'
import {
  DeadLetterDetail,
  DeadLetterParams,
  DeadLettersAnswer,
  DeadLettersQuery,
} from '../schemas/dead-letters.js'
import { isId } from './ids.js'

const PAGE = 20

export const noDeadLetter = (): Failure => new Failure('not_found', 'there is no such dead letter')

/** Whether an id is that of a notification; the others are those of events. */
export const isNotificationId = (id: string): boolean => id.startsWith('notif_')

/** What ended badly and waits for somebody: events that could not become notifications, and notifications. */
export function deadLetterRoutes(api: Api, { deadLetters, notifications }: ServerOptions): void {
  const tags = ['dead letters']
  const roles = ['admin'] as const
  api.get(
    '/dead_letters',
    {
      schema: {
        summary: 'List what ended badly',
        description:
          'Events that could not become notifications, and notifications that ended as `failed` or `uncertain` and whose place no fallback has taken. The newest first. Where few of many fit, a page may have fewer than `limit`, or none: go on until `next_cursor` is null.',
        tags,
        querystring: DeadLettersQuery,
        response: { 200: DeadLettersAnswer },
      },
      config: { roles },
    },
    async (request) => {
      const { limit = PAGE, cursor = null, ...asked } = request.query
      const { tenantId } = callerOf(request)
      const page = await deadLetters.list(tenantId, readDeadLetterFilter(asked), { limit, cursor })
      return { dead_letters: page.items.map(deadLetterAnswer), next_cursor: page.nextCursor }
    },
  )
  api.get(
    '/dead_letters/:id',
    {
      schema: {
        summary: 'Read a dead letter: an event with its payload, a notification with its attempts',
        tags,
        params: DeadLetterParams,
        response: { 200: DeadLetterDetail },
      },
      config: { roles, failures: ['not_found'] },
    },
    async (request) => {
      const { id } = request.params
      const { tenantId } = callerOf(request)
      if (!isId(id)) throw noDeadLetter()
      if (!isNotificationId(id)) {
        const [event] = await deadLetters.records(tenantId, [id])
        if (event === undefined) throw noDeadLetter()
        return { ...deadLetterAnswer(event), event: deadEventAnswer(event) }
      }
      const [letter, record] = await Promise.all([
        deadLetters.findNotification(tenantId, id),
        notifications.find(tenantId, id),
      ])
      if (letter === null || record === null) throw noDeadLetter()
      const [attempts, chain, collected] = await Promise.all([
        notifications.attempts(id),
        notifications.chain(id),
        record.digest === null ? null : notifications.collected(id),
      ])
      const notification = notificationDetail(record, { attempts, chain, collected })
      return { ...deadLetterAnswer(letter), notification }
    },
  )
  api.delete(
    '/dead_letters/:id',
    {
      schema: {
        summary: 'Delete an event that is of no use',
        description:
          'Notifications are deleted when their time is over, or with the person that they were for.',
        tags,
        params: DeadLetterParams,
        response: { 204: Nothing },
      },
      config: { roles, failures: ['not_found', 'conflict'] },
    },
    async (request, reply) => {
      const { id } = request.params
      if (isNotificationId(id)) throw new Failure('conflict', 'only events can be deleted, not notifications')
      const { tenantId } = callerOf(request)
      if (!isId(id) || !(await deadLetters.remove(tenantId, id))) throw noDeadLetter()
      return reply.code(204).send(null)
    },
  )
}
