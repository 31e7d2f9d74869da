import type { Duplex } from 'node:stream'
import { type RawData, WebSocket } from 'ws'
import type { Since, UserAddress } from '../../streams/ports.js'
import type { ClosingReason } from './closing.js'
import { isPing, NOT_UNDERSTOOD_FRAME, PONG_FRAME } from './frames.js'
import { type Budget, Outbox, type OutboxLimits } from './outbox.js'
import { PING_BYTES, wire } from './wire.js'

const PONG = wire(PONG_FRAME.data)
const NOT_UNDERSTOOD = wire(NOT_UNDERSTOOD_FRAME.data)

/** What all connections of a hub share. */
export interface Keeper {
  readonly outbox: OutboxLimits
  readonly budget: Budget
  /** Most messages that a client may send in one window. */
  readonly floodMessages: number
  /** The connection must go, for that reason. */
  drop(connection: Connection, reason: ClosingReason): void
  /** The socket is closed. */
  gone(connection: Connection, code: number): void
}

/** A `ws` socket that knows its connection, so that ten thousand sockets share one set of listeners. */
export class Socket extends WebSocket {
  connection: Connection | null = null
}

export interface Peer {
  readonly user: UserAddress
  /** From where on it wants what it has missed; null: it does not ask. */
  readonly since: Since | null
  /** Epoch milliseconds; null: never. */
  readonly expiresAt: number | null
}

/**
 * One open socket. Framed messages are written past `ws` to the stream below it, which
 * costs two thirds of its `send`; that is sound because `ws` writes whole frames at once
 * when it does not compress. What the stream is not ready to take waits in an outbox.
 */
export class Connection {
  readonly user: UserAddress
  readonly since: Since | null
  readonly expiresAt: number
  /** The slice of the heartbeat in which this connection is pinged. */
  readonly phase: number
  /** Heartbeat ticks since the client was last heard of. */
  silentTicks = 0
  /** Messages from the client in the current window. */
  received = 0
  readonly #ws: Socket
  readonly #stream: Duplex
  readonly #keeper: Keeper
  #outbox: Outbox | null = null
  #awaitsDrain = false
  #drain: { readonly over: Promise<void>; readonly tell: () => void } | null = null
  #corrected = false

  constructor(ws: Socket, stream: Duplex, peer: Peer, phase: number, keeper: Keeper) {
    this.user = peer.user
    this.since = peer.since
    this.expiresAt = peer.expiresAt ?? Number.POSITIVE_INFINITY
    this.phase = phase
    this.#ws = ws
    this.#stream = stream
    this.#keeper = keeper
    ws.connection = this
    ws.on('message', onMessage)
    ws.on('ping', onSign)
    ws.on('pong', onSign)
    ws.on('error', onError)
    ws.on('close', onClose)
  }

  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN
  }

  /** Sends a framed message, or keeps it until the socket is ready; a full outbox ends the connection. */
  send(message: Buffer, critical: boolean): void {
    if (!this.isOpen) return
    if (this.#outbox === null) {
      if (!this.#stream.writableNeedDrain) {
        this.#stream.write(message)
        return
      }
      this.#outbox = new Outbox(this.#keeper.outbox, this.#keeper.budget)
      this.#awaitDrain()
    }
    if (!this.#outbox.add(message, critical)) this.#keeper.drop(this, 'slow_consumer')
  }

  /** Resolves when nothing waits for the socket any more, or it is gone. */
  async drained(): Promise<void> {
    while (this.isOpen && (this.#outbox !== null || this.#stream.writableNeedDrain)) {
      this.#drain ??= pendingDrain()
      this.#awaitDrain()
      await this.#drain.over
    }
  }

  /** A socket that is behind is not pinged: it would only get the ping late. */
  ping(): void {
    if (this.isOpen && !this.#stream.writableNeedDrain) this.#stream.write(PING_BYTES)
  }

  /** Starts the closing handshake; `ws` cuts a client off that does not answer. */
  close(code: number, reason: string): void {
    this.#discard()
    this.#ws.close(code, reason)
  }

  terminate(): void {
    this.#discard()
    this.#ws.terminate()
  }

  /** Any frame of the client. */
  heard(): boolean {
    this.silentTicks = 0
    if (!this.isOpen) return false
    this.received += 1
    if (this.received <= this.#keeper.floodMessages) return true
    this.#keeper.drop(this, 'flood')
    // It is not read any more: the closing handshake would have it read to the end.
    this.#ws.pause()
    return false
  }

  /** A data frame of the client. Of what it may not send it is told once. */
  message(text: string | null): void {
    if (!this.heard()) return
    if (text !== null && isPing(text)) {
      this.send(PONG, false)
    } else if (!this.#corrected) {
      this.#corrected = true
      this.send(NOT_UNDERSTOOD, false)
    }
  }

  gone(code: number): void {
    this.#discard()
    this.#keeper.gone(this, code)
  }

  #awaitDrain(): void {
    if (this.#awaitsDrain) return
    this.#awaitsDrain = true
    this.#stream.once('drain', () => {
      this.#awaitsDrain = false
      this.#flush()
    })
  }

  #flush(): void {
    if (!this.isOpen) return
    while (this.#outbox !== null && !this.#stream.writableNeedDrain) {
      const message = this.#outbox.next()
      if (message === undefined) this.#outbox = null
      else this.#stream.write(message)
    }
    if (this.#outbox !== null) this.#awaitDrain()
    else this.#tellDrained()
  }

  #discard(): void {
    this.#outbox?.clear()
    this.#outbox = null
    this.#tellDrained()
  }

  #tellDrained(): void {
    const drain = this.#drain
    this.#drain = null
    drain?.tell()
  }
}

function pendingDrain() {
  let tell: () => void = () => undefined
  const over = new Promise<void>((resolve) => {
    tell = resolve
  })
  return { over, tell }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  if (!(this instanceof Socket)) return
  this.connection?.message(!isBinary && Buffer.isBuffer(data) ? data.toString() : null)
}

function onSign(this: WebSocket): void {
  if (this instanceof Socket) this.connection?.heard()
}

function onClose(this: WebSocket, code: number): void {
  if (this instanceof Socket) this.connection?.gone(code)
}

/** A malformed or oversized frame, or a reset: `ws` closes by itself, and `close` tells the code. */
function onError(): void {}
