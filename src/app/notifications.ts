import type { NotificationRecord, Notifications } from '../api/ports.js'
import type { InAppInbox } from '../sinks/in-app/inbox.js'
import type { Archive } from '../state/postgres/archive.js'
import type { Queue } from '../streams/ports.js'
import type { Log } from '../telemetry/log.js'

/** What the API does with notifications that exist: most of it with rows, some with the inbox and the queue besides. */
export function notifications(
  archive: Archive,
  inbox: InAppInbox<NotificationRecord>,
  queue: Queue,
  log: Log,
): Notifications {
  return {
    find: (tenantId, id) => archive.find(tenantId, id),
    attempts: (id) => archive.attempts(id),
    chain: (id) => archive.chain(id),
    collected: (digestId) => archive.collected(digestId),
    list: (query) => archive.list(query),
    cancel: (tenantId, id) => archive.cancel(tenantId, id),
    reschedule: async (tenantId, id, scheduledAt) => {
      const record = await archive.reschedule(tenantId, id, scheduledAt)
      if (record !== null) {
        // Should this fail, the sweeper finds the row in time.
        await queue
          .delay([{ id, tenantId, dueAt: scheduledAt }])
          .catch((err: unknown) => log.event('queue.unavailable', { err, items: 1 }))
      }
      return record
    },
    change: (user, id, change) => inbox.change(user, id, change),
    readAll: (user) => inbox.readAll(user),
    unreadCount: (user) => inbox.unreadCount(user),
  }
}
