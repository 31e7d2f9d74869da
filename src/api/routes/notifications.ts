import type { FastifyRequest } from 'fastify'
import { notificationDetail, statusAnswer } from '../answers.js'
import { callerOf, hasRole, shownTo } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import type { NotificationRecord, Notifications } from '../ports.js'
import { IdParams, NotificationDetail, StatusAnswer } from '../schemas/notification.js'
import { noNotification } from '../use-cases/inbox.js'
import { isId } from './ids.js'

/** `GET /notifications/:id` and its status, for senders and for the one it was sent to. */
export function notificationRoutes(api: Api, { notifications }: ServerOptions): void {
  const config = { roles: ['sender', 'user', 'admin'], failures: ['not_found'] } as const
  api.get(
    '/notifications/:id',
    {
      schema: {
        summary: 'Read a notification, its delivery attempts and its fallbacks',
        tags: ['notifications'],
        params: IdParams,
        response: { 200: NotificationDetail },
      },
      config,
    },
    async (request) => {
      const record = await visible(notifications, request, request.params.id)
      const [attempts, chain, collected] = await Promise.all([
        notifications.attempts(record.id),
        notifications.chain(record.id),
        record.digest === null ? null : notifications.collected(record.id),
      ])
      return notificationDetail(record, { attempts, chain, collected })
    },
  )
  api.get(
    '/notifications/:id/status',
    {
      schema: {
        summary: 'Read what became of a notification',
        tags: ['notifications'],
        params: IdParams,
        response: { 200: StatusAnswer },
      },
      config,
    },
    async (request) => statusAnswer(await visible(notifications, request, request.params.id)),
  )
}

/**
 * The notification, as far as the caller may see it: senders and admins see their tenant's, users their own.
 * @throws Failure `not_found` for anything else, so that nothing is learnt about others
 */
export async function visible(
  notifications: Notifications,
  request: FastifyRequest,
  id: string,
): Promise<NotificationRecord> {
  const caller = callerOf(request)
  const record = isId(id) ? await notifications.find(caller.tenantId, id) : null
  if (record === null) throw noNotification()
  if (record.userId !== caller.subject && !hasRole(caller, ['sender', 'admin'])) throw noNotification()
  return shownTo(caller, record)
}
