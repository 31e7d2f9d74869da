import type { Missed, Since, UserAddress } from '../../streams/ports.js'
import type { Connection } from './connection.js'
import { notificationFrame, readFrame, unreadCountFrame } from './frames.js'
import { wire } from './wire.js'

/** Texts that are read at once, and kept in memory while the socket drains. */
const CHUNK = 20

/** What a replay reads. Rejects when the store is away. */
export interface ReplayStore extends Missed {
  unreadCount(user: UserAddress): Promise<number>
}

/**
 * Sends a socket what it has missed, as it drains, and the unread count. Resolves to whether that was all; after an
 * abort nothing is sent any more.
 * @param longest at most so many are sent
 * @param onSent called for each
 */
export async function replay(
  store: ReplayStore,
  connection: Connection,
  since: Since,
  longest: number,
  onSent: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  const { user } = connection
  const stopped = whenAborted(signal)
  const isOver = (): boolean => signal.aborted || !connection.isOpen
  const found = await store.since(user, since, longest + 1)
  const ids = found?.slice(0, longest) ?? []
  for (let from = 0; from < ids.length && !isOver(); from += CHUNK) {
    for (const shown of await store.read(user, ids.slice(from, from + CHUNK))) {
      await Promise.race([connection.drained(), stopped])
      if (isOver()) return false
      connection.send(wire(notificationFrame(shown, shown.shownAt).data), false)
      if (shown.isRead) connection.send(wire(readFrame(shown.id).data), false)
      onSent()
    }
  }
  await tellUnread(store, connection, isOver)
  return !isOver() && found !== null && found.length <= longest
}

/** How often a count is told that changes meanwhile. */
const TELLINGS = 3

/** A count that changed while it was read may have been told already: it is read again until it is what was told. */
async function tellUnread(store: ReplayStore, connection: Connection, isOver: () => boolean): Promise<void> {
  let told: number | null = null
  for (let times = 0; times < TELLINGS; times += 1) {
    const count = await store.unreadCount(connection.user)
    if (isOver() || count === told) return
    connection.send(wire(unreadCountFrame(count).data), false)
    told = count
  }
}

export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
