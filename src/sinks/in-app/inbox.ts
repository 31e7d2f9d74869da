import type { Notification } from '../../model/notification.js'
import type { Inbox, UnreadCounts, UserAddress } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'

type Change = 'read' | 'unread' | 'archive'

/**
 * Tells a user's open sockets; each resolves to whether there is one. Best effort: a device that missed something
 * reads the rows.
 */
export interface InboxEvents extends Record<Change, (user: UserAddress, id: string) => Promise<boolean>> {
  notification(notification: Notification): Promise<boolean>
  unreadCount(user: UserAddress, count: number): Promise<boolean>
  readAll(user: UserAddress): Promise<boolean>
}

/** How often a count is told that others change at the same time. The last to change it tells it last. */
const TELLINGS = 3

/** The rows of the inbox and what was done to them. */
export interface InboxRows<Row> {
  change(
    user: UserAddress,
    id: string,
    change: Change,
  ): Promise<{ readonly record: Row; readonly changed: boolean; readonly delta: number } | null>
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
      const online = await Promise.all(notifications.map((one) => this.#events.notification(one)))
      // Of several for one user the last count is told.
      const told = new Map<string, { readonly user: UserAddress; readonly count: number | null }>()
      for (const [n, user] of notifications.entries()) {
        if (online[n]) told.set(`${user.tenantId}\n${user.userId}`, { user, count: counts[n] ?? null })
      }
      await Promise.all([...told.values()].map(({ user, count }) => this.#tellCount(user, count)))
    } catch (err) {
      this.#log.event('inbox.announce_failed', { err, items: notifications.length })
    }
  }

  async change(user: UserAddress, id: string, change: Change): Promise<Row | null> {
    const changed = await this.#rows.change(user, id, change)
    if (changed === null) return null
    if (changed.changed) await this.#events[change](user, id)
    if (changed.delta !== 0) await this.#countChanged(user, changed.delta)
    return changed.record
  }

  async readAll(user: UserAddress): Promise<number> {
    const updated = await this.#rows.readAll(user)
    if (updated > 0) {
      await this.#events.readAll(user)
      await this.#countChanged(user, -updated)
    }
    return updated
  }

  unreadCount(user: UserAddress): Promise<number> {
    return this.#counts.read(user, () => this.#rows.countUnread(user))
  }

  async #countChanged(user: UserAddress, delta: number): Promise<void> {
    const [count] = await this.#counts.add([{ ...user, delta }])
    await this.#tellCount(user, count ?? null)
  }

  /** Frames of two instances may overtake each other: who finds another count afterwards tells that one, too. */
  async #tellCount({ tenantId, userId }: UserAddress, known: number | null): Promise<void> {
    const user = { tenantId, userId }
    let count = known ?? (await this.unreadCount(user))
    for (let told = 0; told < TELLINGS; told += 1) {
      if (!(await this.#events.unreadCount(user, count))) return
      const now = await this.unreadCount(user)
      if (now === count) return
      count = now
    }
  }
}
