import type { Frame, FrameReceiver, Relay, UserAddress } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'
import type { RedisConnection } from './connection.js'

/** A connection that hangs is found to be lost within this time. */
const UNNOTICED_MS = 6_000

/**
 * Frames by pub/sub: one channel for each user who has sockets, one for whole tenants. A frame
 * for this instance comes back over Redis too, so that every instance sees one order. Sending
 * rejects when Redis is away; joining does not, and is made good when Redis is back.
 */
export class RedisRelay implements Relay {
  readonly #connection: RedisConnection
  readonly #log: Log
  #receiver: FrameReceiver | null = null

  constructor(connection: RedisConnection, log: Log) {
    this.#connection = connection
    this.#log = log
  }

  /** Begins to listen for whole tenants; to be awaited before the first use. */
  async open(): Promise<void> {
    const { keys, subscriptions } = this.#connection
    subscriptions.onRestored((lostForMs) =>
      this.#deliver((receiver) => receiver.interrupted(lostForMs + UNNOTICED_MS)),
    )
    await subscriptions.add(keys.tenantFrames, (message) => {
      const { tenantId, frame } = readTenantMessage(message)
      this.#deliver((receiver) => receiver.toTenant(tenantId, frame))
    })
  }

  async toUser(user: UserAddress, frame: Frame): Promise<number> {
    const { keys } = this.#connection
    return this.#connection.run((redis) => redis.publish(keys.userFrames(user), write(frame)))
  }

  async toTenant(tenantId: string, frame: Frame): Promise<void> {
    const { keys } = this.#connection
    const message = `${tenantId.length}:${tenantId}${write(frame)}`
    await this.#connection.run((redis) => redis.publish(keys.tenantFrames, message))
  }

  async join(user: UserAddress): Promise<void> {
    const { keys, subscriptions } = this.#connection
    await subscriptions.add(keys.userFrames(user), (message) =>
      this.#deliver((receiver) => receiver.toUser(user, read(message))),
    )
  }

  async leave(user: UserAddress): Promise<void> {
    const { keys, subscriptions } = this.#connection
    await subscriptions.remove(keys.userFrames(user))
  }

  settled(signal: AbortSignal): Promise<boolean> {
    return this.#connection.settled(signal)
  }

  onFrame(receiver: FrameReceiver): void {
    this.#receiver = receiver
  }

  /** One frame that the receiver chokes on must not end the connection that carries the others. */
  #deliver(hand: (receiver: FrameReceiver) => void): void {
    try {
      if (this.#receiver !== null) hand(this.#receiver)
    } catch (error) {
      this.#log.event('relay.failed', { err: error })
    }
  }
}

const CRITICAL = '!'
const ORDINARY = '-'

function write(frame: Frame): string {
  return (frame.critical ? CRITICAL : ORDINARY) + frame.data
}

function read(message: string): Frame {
  return { data: message.slice(1), critical: message.startsWith(CRITICAL) }
}

function readTenantMessage(message: string): { readonly tenantId: string; readonly frame: Frame } {
  const colon = message.indexOf(':')
  const end = colon + 1 + Number(message.slice(0, colon))
  return { tenantId: message.slice(colon + 1, end), frame: read(message.slice(end)) }
}
