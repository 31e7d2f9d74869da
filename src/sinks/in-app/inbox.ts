import type { Notification } from '../../model/notification.js'
import type { Inbox, UnreadCounts, UserAddress } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'

/** Tells a user's open sockets. Best effort: a device that missed something reads the rows. */
export interface InboxEvents {
  /** Resolves to whether the user has a socket open. */
  notification(notification: Notification): Promise<boolean>
  unreadCount(user: UserAddress, count: number): Promise<void>
  read(user: UserAddress, id: string): Promise<void>
}

type Change = 'read' | 'unread' | 'archive'

/** The rows of the inbox and what was done to them. */
export interface InboxRows<Row> {
  change(
    user: UserAddress,
    id: string,
    change: Change,
  ): Promise<{ readonly record: Row; readonly delta: number } | null>
  readAll(user: UserAddress): Promise<number>
  countUnread(user: UserAddress): Promise<number>
}

/**
 * The in-app channel. The accepting transaction has delivered already; what is
 * left is to keep the unread counts and the user's devices in step with it.
 */
export class InAppInbox<Row> implements Inbox {
  readonly #rows: InboxRows<Row>
  readonly #counts: UnreadCounts
  readonly #events: InboxEvents
  readonly #log: Log

  constructor(rows: InboxRows<Row>, counts: UnreadCounts, events: InboxEvents, log: Log) {
    this.#rows = rows
    this.#counts = counts
    this.#events = events
    this.#log = log
  }

  async announce(notifications: readonly Notification[]): Promise<void> {
    try {
      const counts = await this.#counts.add(
        notifications.map(({ tenantId, userId }) => ({ tenantId, userId, delta: 1 })),
      )
      await Promise.all(
        notifications.map(async (notification, n) => {
          const online = await this.#events.notification(notification)
          if (online) await this.#tellCount(notification, counts[n] ?? null)
        }),
      )
    } catch (err) {
      this.#log.event('inbox.announce_failed', { err, items: notifications.length })
    }
  }

  async change(user: UserAddress, id: string, change: Change): Promise<Row | null> {
    const changed = await this.#rows.change(user, id, change)
    if (changed === null) return null
    if (changed.delta !== 0) {
      if (change === 'read') await this.#events.read(user, id)
      await this.#countChanged(user, changed.delta)
    }
    return changed.record
  }

  async readAll(user: UserAddress): Promise<number> {
    const updated = await this.#rows.readAll(user)
    if (updated > 0) await this.#countChanged(user, -updated)
    return updated
  }

  unreadCount(user: UserAddress): Promise<number> {
    return this.#counts.read(user, () => this.#rows.countUnread(user))
  }

  async #countChanged(user: UserAddress, delta: number): Promise<void> {
    const [count] = await this.#counts.add([{ ...user, delta }])
    await this.#tellCount(user, count ?? null)
  }

  async #tellCount(user: UserAddress, known: number | null): Promise<void> {
    await this.#events.unreadCount(user, known ?? (await this.unreadCount(user)))
  }
}
