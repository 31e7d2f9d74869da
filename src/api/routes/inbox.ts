import { notificationAnswer } from '../answers.js'
import { callerOf, userFor } from '../auth/access.js'
import type { Api } from '../http/api.js'
import type { ServerOptions } from '../options.js'
import { InboxAnswer, InboxQuery } from '../schemas/notification.js'
import { ReadAllAnswer, UnreadCountAnswer, UserParams } from '../schemas/users.js'
import { inboxOf } from '../use-cases/inbox.js'

/** A user's inbox. Senders and admins may look into it; only the user and admins change it. */
export function inboxRoutes(api: Api, { notifications }: ServerOptions): void {
  const inbox = inboxOf(notifications)
  api.get(
    '/users/:user_id/notifications',
    {
      schema: {
        summary: "List a user's notifications, newest first",
        tags: ['inbox'],
        params: UserParams,
        querystring: InboxQuery,
        response: { 200: InboxAnswer },
      },
      config: { roles: ['user', 'sender', 'admin'] },
    },
    async (request) => {
      const page = await inbox.list(callerOf(request), request.params.user_id, request.query)
      return {
        notifications: page.items.map(notificationAnswer),
        next_cursor: page.nextCursor,
      }
    },
  )
  api.get(
    '/users/:user_id/unread_count',
    {
      schema: {
        summary: 'Count what a user has not read',
        tags: ['inbox'],
        params: UserParams,
        response: { 200: UnreadCountAnswer },
      },
      config: { roles: ['user', 'sender', 'admin'] },
    },
    async (request) => {
      const { user_id } = request.params
      return { user_id, unread_count: await inbox.unreadCount(callerOf(request), user_id) }
    },
  )
  api.post(
    '/users/:user_id/read_all',
    {
      schema: {
        summary: 'Mark everything in the inbox as read',
        tags: ['inbox'],
        params: UserParams,
        response: { 200: ReadAllAnswer },
      },
      config: { roles: ['user', 'admin'] },
    },
    async (request) => {
      const user = userFor(callerOf(request), request.params.user_id, ['admin'])
      return { updated: await notifications.readAll(user) }
    },
  )
}
