import type { Relay, UserAddress } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'
import type { Room } from './rooms.js'

/**
 * Keeps the relay told of which users have sockets here. A `join` that fails is tried
 * again at each `retry`, one at a time, so that a relay that is away is not stormed.
 */
export class Membership {
  readonly #relay: Relay
  readonly #log: Log
  readonly #joined: (room: Room) => void
  readonly #members = new WeakSet<Room>()
  readonly #unjoined = new Set<Room>()
  readonly #leaving = new Set<Promise<void>>()
  #retrying = false
  #away = false

  /** @param joined told when the relay reaches the room */
  constructor(relay: Relay, log: Log, joined: (room: Room) => void) {
    this.#relay = relay
    this.#log = log
    this.#joined = joined
  }

  isMember(room: Room): boolean {
    return this.#members.has(room)
  }

  async join(room: Room): Promise<boolean> {
    try {
      await this.#relay.join(room.user)
    } catch (error) {
      // The room may have emptied meanwhile.
      if (room.connections.length > 0) this.#unjoined.add(room)
      this.#failed(error, room.user)
      return false
    }
    this.#away = false
    this.#unjoined.delete(room)
    if (room.connections.length === 0) return true
    this.#members.add(room)
    this.#joined(room)
    return true
  }

  leave(room: Room): void {
    this.#members.delete(room)
    this.#unjoined.delete(room)
    const left = this.#relay.leave(room.user).catch((error: unknown) => this.#failed(error, room.user))
    this.#leaving.add(left)
    void left.then(() => this.#leaving.delete(left))
  }

  async retry(): Promise<void> {
    if (this.#retrying || this.#unjoined.size === 0) return
    this.#retrying = true
    for (const room of this.#unjoined) {
      if (!(await this.join(room))) break
    }
    this.#retrying = false
  }

  /** Resolves once the relay has taken every `leave`. */
  async settled(): Promise<void> {
    await Promise.all(this.#leaving)
  }

  /** Logs the first failure only: when the relay is away every socket that comes or goes has one. */
  #failed(error: unknown, user: UserAddress): void {
    if (this.#away) return
    this.#away = true
    this.#log.event('relay.failed', { tenant_id: user.tenantId, err: error })
  }
}
