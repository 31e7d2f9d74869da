import type { Relay, UserAddress } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'
import type { Room } from './rooms.js'

export interface MembershipEvents {
  /** The relay reaches the room. Told once. */
  joined(room: Room): void
  /** The relay has taken note that the room is empty. */
  left(room: Room): void
}

/**
 * Keeps the relay told of which users have sockets here. A `join` that fails is tried
 * again at each `retry`, one at a time, so that a relay that is away is not stormed.
 */
export class Membership {
  readonly #relay: Relay
  readonly #log: Log
  readonly #events: MembershipEvents
  readonly #members = new WeakSet<Room>()
  readonly #unjoined = new Set<Room>()
  readonly #leaving = new Set<Promise<void>>()
  #retrying = false
  #away = false

  constructor(relay: Relay, log: Log, events: MembershipEvents) {
    this.#relay = relay
    this.#log = log
    this.#events = events
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
    if (room.connections.length > 0) this.reached(room)
    return true
  }

  /** A frame for the room may be here before the answer that it was joined. */
  reached(room: Room): void {
    if (this.#members.has(room)) return
    this.#members.add(room)
    this.#events.joined(room)
  }

  leave(room: Room): void {
    this.#members.delete(room)
    this.#unjoined.delete(room)
    const left = this.#relay.leave(room.user).then(
      () => this.#events.left(room),
      (error: unknown) => this.#failed(error, room.user),
    )
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
