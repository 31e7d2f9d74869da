import { Connection, type ConnectionOptions } from './connection.js'
import { OutboundError } from './error.js'
import { type Waiter, waitInLine } from './line.js'

export interface Limits {
  /** Sockets in use to one origin; more requests than that wait. */
  readonly perOrigin: number
  /** Idle sockets kept for reuse, over all origins; the one idle for longest is closed first. */
  readonly idle: number
}

interface Origin {
  inUse: number
  readonly idle: Connection[]
  /** In order of arrival. */
  readonly waiting: Set<Waiter<Connection>>
}

/**
 * The open sockets, bounded: an undici `Pool` keeps aborted requests queued until a connection gets
 * round to them, and an `Agent` has no limit over all origins that it meets by closing idle ones.
 */
export class Connections {
  readonly #options: ConnectionOptions
  readonly #limits: Limits
  readonly #origins = new Map<string, Origin>()
  readonly #inUse = new Set<Connection>()
  /** Oldest first. */
  readonly #idle = new Set<Connection>()
  #closed = false

  constructor(options: ConnectionOptions, limits: Limits) {
    this.#options = options
    this.#limits = limits
  }

  /** What is held at the moment. */
  get size(): { readonly origins: number; readonly inUse: number; readonly idle: number } {
    return { origins: this.#origins.size, inUse: this.#inUse.size, idle: this.#idle.size }
  }

  /**
   * A connection for one request, to be released afterwards: at once where there is room, else when it is its
   * turn. Throws, or rejects when the signal is aborted first.
   */
  acquire(name: string, signal: AbortSignal): Connection | Promise<Connection> {
    if (this.#closed) throw new OutboundError('CLOSED', 'no new connections: shutting down')
    const origin = this.#origins.get(name) ?? { inUse: 0, idle: [], waiting: new Set() }
    this.#origins.set(name, origin)
    if (origin.inUse < this.#limits.perOrigin) return this.#use(name, origin)
    return waitInLine(origin.waiting, signal)
  }

  /** Takes a connection back, to be used again when `reusable` and its socket is still open. */
  release(connection: Connection, reusable: boolean): void {
    this.#inUse.delete(connection)
    const origin = this.#origins.get(connection.origin)
    if (origin === undefined) return
    origin.inUse -= 1
    if (reusable && connection.connected && !this.#closed) {
      origin.idle.push(connection)
      this.#idle.add(connection)
    } else this.#discard(connection)
    const [next] = origin.waiting
    next?.take(this.#use(connection.origin, origin))
    for (const oldest of this.#idle) {
      if (this.#idle.size <= this.#limits.idle) break
      this.#discard(oldest)
    }
    this.#forget(connection.origin)
  }

  /** Closes every socket; requests under way or waiting fail with `CLOSED`. */
  async close(): Promise<void> {
    this.#closed = true
    const reason = new OutboundError('CLOSED', 'shutting down')
    for (const { waiting } of this.#origins.values()) for (const waiter of waiting) waiter.fail(reason)
    const open = [...this.#inUse, ...this.#idle]
    await Promise.all(open.map((connection) => connection.destroy(reason)))
  }

  #use(name: string, origin: Origin): Connection {
    // The latest first: it is the least likely to be closed by the other side just now.
    const connection = origin.idle.pop() ?? new Connection(name, this.#options, (lost) => this.#onLost(lost))
    this.#idle.delete(connection)
    this.#inUse.add(connection)
    origin.inUse += 1
    return connection
  }

  /** The other side, or the keep-alive timer, closed an idle socket. */
  #onLost(connection: Connection): void {
    if (this.#idle.has(connection)) this.#discard(connection)
  }

  #discard(connection: Connection): void {
    this.#idle.delete(connection)
    const idle = this.#origins.get(connection.origin)?.idle
    const place = idle?.indexOf(connection) ?? -1
    if (place !== -1) idle?.splice(place, 1)
    this.#forget(connection.origin)
    void connection.destroy(new OutboundError('CLOSED', 'no longer needed'))
  }

  #forget(name: string): void {
    const origin = this.#origins.get(name)
    if (origin?.inUse === 0 && origin.idle.length === 0 && origin.waiting.size === 0)
      this.#origins.delete(name)
  }
}
