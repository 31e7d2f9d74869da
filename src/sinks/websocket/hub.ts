import type { Duplex } from 'node:stream'
import { setTimeout as after } from 'node:timers/promises'
import { Failure } from '../../model/failure.js'
import type { Clock, Frame, FrameReceiver, Presence, Relay, UserAddress } from '../../streams/ports.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { Attendance } from './attendance.js'
import { CLOSINGS, type ClosingReason } from './closing.js'
import { Connection, type Keeper, type Peer, type Socket } from './connection.js'
import { Fanout } from './fanout.js'
import { welcomeFrame } from './frames.js'
import { SLICES, startHeartbeat } from './heartbeat.js'
import { Membership } from './membership.js'
import type { ReplayStore } from './replay.js'
import { REPLAY_DEFAULTS, type ReplayOptions, Replays } from './replays.js'
import { type Room, Rooms } from './rooms.js'
import { wire } from './wire.js'

/** Times in milliseconds. */
export interface HubOptions {
  readonly maxConnections: number
  /** So that one user cannot take all the room. */
  readonly maxPerUser: number
  readonly pingMs: number
  /** A client that was silent for this long is cut off. */
  readonly idleMs: number
  /** Messages a client may send in one window. */
  readonly floodMessages: number
  readonly floodWindowMs: number
  /** What may wait for one socket, and for all of them. */
  readonly outboxMessages: number
  readonly outboxBytes: number
  readonly outboxTotalBytes: number
  /** How long a client has to answer a close frame. */
  readonly closeGraceMs: number
  /** How often presence is told of everybody. */
  readonly presenceMs: number
  readonly replays: Partial<ReplayOptions>
}

export const HUB_DEFAULTS: HubOptions = {
  maxConnections: 10_000,
  maxPerUser: 100,
  pingMs: 30_000,
  idleMs: 300_000,
  floodMessages: 100,
  floodWindowMs: 10_000,
  outboxMessages: 256,
  outboxBytes: 1_048_576,
  outboxTotalBytes: 67_108_864,
  closeGraceMs: 2_000,
  presenceMs: 30_000,
  replays: REPLAY_DEFAULTS,
}

/** What stands behind the sockets. */
export interface HubStores {
  readonly relay: Relay
  readonly presence: Presence
  readonly missed: ReplayStore
  readonly clock: Clock
}

/** The open sockets of this instance. */
export class Hub implements FrameReceiver {
  readonly options: HubOptions
  readonly #telemetry: Telemetry
  readonly #connections = new Set<Connection>()
  readonly #rooms = new Rooms()
  readonly #fanout = new Fanout()
  readonly #clock: Clock
  readonly #membership: Membership
  readonly #attendance: Attendance
  readonly #replays: Replays
  readonly #keeper: Keeper
  readonly #welcome: Buffer
  readonly #stopHeartbeat: () => void
  #opened = 0
  #emptied: (() => void) | null = null
  #isClosing = false

  constructor(
    { relay, presence, missed, clock }: HubStores,
    telemetry: Telemetry,
    options: Partial<HubOptions> = {},
  ) {
    this.options = { ...HUB_DEFAULTS, ...options }
    this.#telemetry = telemetry
    this.#clock = clock
    this.#welcome = wire(welcomeFrame(this.options.pingMs).data)
    this.#attendance = new Attendance(presence, telemetry.log, this.options)
    this.#replays = new Replays(missed, telemetry, this.options.replays)
    this.#membership = new Membership(relay, telemetry.log, {
      joined: (room) => {
        this.#attendance.enter(room)
        this.#greet(room.connections)
      },
      left: (room) => this.#attendance.left(room),
    })
    this.#keeper = {
      outbox: { messages: this.options.outboxMessages, bytes: this.options.outboxBytes },
      budget: { used: 0, limit: this.options.outboxTotalBytes },
      floodMessages: this.options.floodMessages,
      drop: (connection, reason) => this.#drop(connection, reason),
      gone: (connection, code) => this.#gone(connection, code),
    }
    this.#stopHeartbeat = startHeartbeat(
      this.#connections,
      this.options,
      this.#keeper.drop,
      () => void this.#membership.retry(),
    )
    relay.onFrame(this)
  }

  get size(): number {
    return this.#connections.size
  }

  /** Throws when there is no room for another socket, of that user if one is given. */
  admit(user?: UserAddress): void {
    if (this.#isClosing) throw new Failure('shutting_down', 'connect again', { retryAfterMs: 1_000 })
    const { maxConnections, maxPerUser } = this.options
    const isFull =
      this.size >= maxConnections ||
      (user !== undefined && (this.#rooms.find(user)?.connections.length ?? 0) >= maxPerUser)
    if (isFull) throw new Failure('too_many_connections', 'try again later', { retryAfterMs: 5_000 })
  }

  /** Takes over an open socket. It is welcomed as soon as the relay reaches it. */
  add(socket: Socket, stream: Duplex, peer: Peer): void {
    const connection = new Connection(socket, stream, peer, this.#opened++ % SLICES, this.#keeper)
    this.#connections.add(connection)
    this.#telemetry.metrics.sockets.set(this.size)
    this.#telemetry.log.event('websocket.connected', { tenant_id: peer.user.tenantId })
    const opened = this.#rooms.enter(connection)
    if (opened !== null) void this.#membership.join(opened)
    else if (this.#isReachable(peer.user)) this.#greet([connection])
  }

  toUser(user: UserAddress, frame: Frame): void {
    const room = this.#rooms.find(user)
    if (room === undefined) return
    this.#membership.reached(room)
    const message = wire(frame.data)
    for (const connection of room.connections) connection.send(message, frame.critical)
  }

  toTenant(tenantId: string, frame: Frame): void {
    const targets = this.#rooms.ofTenant(tenantId)
    if (!this.#fanout.start({ message: wire(frame.data), critical: frame.critical, targets })) {
      this.#telemetry.log.event('websocket.broadcast_dropped', { tenant_id: tenantId })
    }
  }

  /** What came meanwhile is replayed to everybody, and presence is told anew. */
  interrupted(forMs: number): void {
    this.#attendance.again()
    const at = this.#clock.now() - forMs
    for (const connection of this.#connections) this.#replays.start(connection, { at }, true)
  }

  /** Says goodbye to every client, cuts off who does not answer, and admits no one any more. */
  async close(code: number = CLOSINGS.shutdown.code, reason: string = CLOSINGS.shutdown.text): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#stopHeartbeat()
    this.#fanout.stop()
    this.#replays.stop()
    if (this.size > 0) await this.#closeAll(code, reason)
    // A relay that is away will not hear of it, and forgets us by itself.
    await Promise.race([
      this.#membership.settled().then(() => this.#attendance.settled()),
      after(this.options.closeGraceMs, undefined, { ref: false }),
    ])
    this.#attendance.stop()
  }

  async #closeAll(code: number, reason: string): Promise<void> {
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve
    })
    for (const connection of this.#connections) {
      if (connection.isOpen) this.#telemetry.metrics.socketsDropped.inc({ reason: 'shutdown' })
      connection.close(code, reason)
    }
    // `ws` cuts off who does not answer in time.
    await emptied
  }

  #isReachable(user: UserAddress): boolean {
    const room = this.#rooms.find(user)
    return room !== undefined && this.#membership.isMember(room)
  }

  #greet(connections: readonly Connection[]): void {
    for (const connection of connections) {
      connection.send(this.#welcome, false)
      if (connection.since !== null) this.#replays.start(connection, connection.since)
    }
  }

  #drop(connection: Connection, reason: ClosingReason): void {
    const { log, metrics } = this.#telemetry
    metrics.socketsDropped.inc({ reason })
    const tenant_id = connection.user.tenantId
    if (reason === 'slow_consumer') log.event('websocket.slow_consumer_dropped', { tenant_id })
    const closing = CLOSINGS[reason]
    if (closing === null) connection.terminate()
    else connection.close(closing.code, closing.text)
    this.#leave(connection)
  }

  #gone(connection: Connection, code: number): void {
    this.#connections.delete(connection)
    this.#telemetry.metrics.sockets.set(this.size)
    this.#telemetry.log.event('websocket.disconnected', { tenant_id: connection.user.tenantId, code })
    this.#leave(connection)
    if (this.size === 0) this.#emptied?.()
  }

  #leave(connection: Connection): void {
    const emptied: Room | null = this.#rooms.exit(connection)
    if (emptied === null) return
    this.#attendance.exit(emptied)
    this.#membership.leave(emptied)
  }
}
