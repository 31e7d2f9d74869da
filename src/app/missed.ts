import type { ReplayStore } from '../sinks/websocket/replay.js'
import { PostgresMissed } from '../state/postgres/missed.js'
import type { Store } from '../state/postgres/store.js'

/** What a socket that comes back is told: what it has missed from the rows, the count from the inbox. */
export function openMissed(reading: Store, inbox: Pick<ReplayStore, 'unreadCount'>): ReplayStore {
  const missed = new PostgresMissed(reading)
  return {
    since: (user, since, max) => missed.since(user, since, max),
    read: (user, ids) => missed.read(user, ids),
    unreadCount: (user) => inbox.unreadCount(user),
  }
}
