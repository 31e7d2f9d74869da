import { Failure } from '../../model/failure.js'
import { shownTo, userFor } from '../auth/access.js'
import type { Identity, InboxQuery, NotificationRecord, Notifications, Page, ReadChange } from '../ports.js'
import { isId } from '../routes/ids.js'

const PAGE = 20

/** What may be asked of a list; what is left out is as usual. */
export interface ListRequest {
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
  readonly unread?: boolean | undefined
  readonly archived?: boolean | undefined
  readonly channel?: InboxQuery['channel'] | undefined
}

/** A user's inbox, the same by whichever way the request came in. Rejects with a `Failure`. */
export interface Inbox {
  /** For the user; senders and admins may look into it. */
  list(caller: Identity, userId: string, request: ListRequest): Promise<Page<NotificationRecord>>
  /** For the user; senders and admins may look at it. */
  unreadCount(caller: Identity, userId: string): Promise<number>
  /** Users change what is theirs; an admin changes it in the name of the one it was sent to. */
  change(caller: Identity, id: string, change: ReadChange): Promise<NotificationRecord>
}

export function inboxOf(notifications: Notifications): Inbox {
  return {
    async list(caller, userId, { limit = PAGE, cursor, unread, archived = false, channel = 'in_app' }) {
      const user = userFor(caller, userId, ['sender', 'admin'])
      const { items, nextCursor } = await notifications.list({
        ...user,
        channel,
        unread: unread ?? null,
        archived,
        limit,
        cursor: cursor ?? null,
      })
      return { items: items.map((record) => shownTo(caller, record)), nextCursor }
    },
    unreadCount: async (caller, userId) =>
      notifications.unreadCount(userFor(caller, userId, ['sender', 'admin'])),
    async change(caller, id, change) {
      const { tenantId, subject, roles } = caller
      if (!isId(id)) throw noNotification()
      const own = await notifications.change({ tenantId, userId: subject }, id, change)
      if (own !== null) return shownTo(caller, own)
      const record = roles.includes('admin') ? await notifications.find(tenantId, id) : null
      if (record === null) throw noNotification()
      const changed = await notifications.change({ tenantId, userId: record.userId }, id, change)
      if (changed === null) throw noNotification()
      return shownTo(caller, changed)
    },
  }
}

export const noNotification = (): Failure => new Failure('not_found', 'there is no such notification')
