import { notificationAnswer } from '../answers.js'
import { callerOf } from '../auth/access.js'
import type { Api } from '../http/api.js'
import { validationFailed } from '../http/validation.js'
import type { ServerOptions } from '../options.js'
import type { NotificationRecord, ReadChange } from '../ports.js'
import { readScheduledAt } from '../requests/schedule.js'
import { IdParams, NotificationAnswer, RescheduleBody } from '../schemas/notification.js'
import { inboxOf, noNotification } from '../use-cases/inbox.js'
import { isId } from './ids.js'

const READ_CHANGES: Readonly<Record<ReadChange, string>> = {
  read: 'Mark a notification as read',
  unread: 'Mark a notification as unread',
  archive: 'Take a notification out of the inbox',
}

const schema = { tags: ['notifications'], params: IdParams, response: { 200: NotificationAnswer } }

/** What is done to a notification that exists. Asking again changes nothing. */
export function changeRoutes(api: Api, { notifications, rules }: ServerOptions): void {
  const inbox = inboxOf(notifications)
  for (const change of ['read', 'unread', 'archive'] as const) {
    api.post(
      `/notifications/:id/${change}`,
      {
        schema: { ...schema, summary: READ_CHANGES[change] },
        config: { roles: ['user', 'admin'], failures: ['not_found'] },
      },
      async (request) => {
        const { id } = request.params
        return notificationAnswer(await inbox.change(callerOf(request), id, change))
      },
    )
  }
  const config = { roles: ['sender', 'admin'], failures: ['not_found', 'conflict'] } as const
  api.post(
    '/notifications/:id/cancel',
    { schema: { ...schema, summary: 'Cancel what is still pending' }, config },
    async (request) => {
      const { tenantId } = callerOf(request)
      const { id } = request.params
      return answer(isId(id) ? await notifications.cancel(tenantId, id) : null)
    },
  )
  api.post(
    '/notifications/:id/reschedule',
    { schema: { ...schema, summary: 'Move what is still pending', body: RescheduleBody }, config },
    async (request) => {
      const { tenantId } = callerOf(request)
      const { id } = request.params
      const errors: { field: string; message: string }[] = []
      const now = rules.clock.now()
      const scheduledAt = readScheduledAt(request.body.scheduled_at, now, errors) ?? now
      if (errors.length > 0) throw validationFailed(errors)
      return answer(isId(id) ? await notifications.reschedule(tenantId, id, scheduledAt) : null)
    },
  )
}

function required(record: NotificationRecord | null): NotificationRecord {
  if (record === null) throw noNotification()
  return record
}

const answer = (record: NotificationRecord | null) => notificationAnswer(required(record))
