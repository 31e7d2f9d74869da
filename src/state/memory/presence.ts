import type { OnlineQuery, OnlineUsers, Presence } from '../../streams/ports.js'
import { cursorOf, readCursor } from '../key-cursor.js'
import type { MemoryRelay } from './relay.js'

/** Who has a socket, in a single instance: whoever its relay reaches. */
export class MemoryPresence implements Presence {
  readonly #relay: MemoryRelay

  constructor(relay: MemoryRelay) {
    this.#relay = relay
  }

  async present(): Promise<void> {}

  async left(): Promise<void> {}

  async online(tenantId: string, userIds: readonly string[]): Promise<readonly boolean[]> {
    const joined = this.#relay.joined(tenantId)
    return userIds.map((userId) => joined.has(userId))
  }

  async list(tenantId: string, { limit, cursor }: OnlineQuery): Promise<OnlineUsers> {
    const [after = ''] = readCursor(cursor, 1)
    const joined = this.#relay.joined(tenantId)
    const rest = [...joined].filter((userId) => userId > after).sort()
    const userIds = rest.slice(0, limit)
    const last = rest.length > limit ? userIds.at(-1) : undefined
    return { userIds, nextCursor: last === undefined ? null : cursorOf([last]), count: joined.size }
  }
}
