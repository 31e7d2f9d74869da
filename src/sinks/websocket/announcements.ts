import { Failure } from '../../model/failure.js'
import { uuidv7 } from '../../model/id.js'
import type { JsonObject } from '../../model/json.js'
import type { Notification, Priority } from '../../model/notification.js'
import type { Clock, Frame, Relay, UserAddress } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'
import {
  archivedFrame,
  notificationFrame,
  readAllFrame,
  readFrame,
  unreadCountFrame,
  unreadFrame,
} from './frames.js'

/** What all of a tenant's sockets are shown at once. */
export interface Broadcast {
  readonly title: string
  readonly content: string
  readonly priority: Priority
  readonly metadata: JsonObject
}

/** Sends to every open socket of a tenant. There is no row: who is offline misses it. */
export class TenantBroadcaster {
  readonly #relay: Relay
  readonly #clock: Clock

  constructor(relay: Relay, clock: Clock) {
    this.#relay = relay
    this.#clock = clock
  }

  /** Rejects with `store_unavailable` when the relay cannot be reached. */
  async broadcast(tenantId: string, message: Broadcast): Promise<void> {
    const now = this.#clock.now()
    const frame = notificationFrame({ ...message, id: `broadcast_${uuidv7(now)}` }, now)
    try {
      await this.#relay.toTenant(tenantId, frame)
    } catch (cause) {
      throw new Failure('store_unavailable', 'the relay cannot be reached', { cause, retryAfterMs: 1_000 })
    }
  }
}

/**
 * Keeps the devices of a user in step. Each resolves to whether the user has a socket open. Never rejects: a device that
 * missed an event reads the truth when it connects.
 */
export class UserEvents {
  readonly #relay: Relay
  readonly #clock: Clock
  readonly #log: Log

  constructor(relay: Relay, clock: Clock, log: Log) {
    this.#relay = relay
    this.#clock = clock
    this.#log = log
  }

  async notification(notification: Notification): Promise<boolean> {
    return this.#tell(notification, notificationFrame(notification, this.#clock.now()))
  }

  unreadCount(user: UserAddress, count: number): Promise<boolean> {
    return this.#tell(user, unreadCountFrame(count))
  }

  read(user: UserAddress, id: string): Promise<boolean> {
    return this.#tell(user, readFrame(id))
  }

  unread(user: UserAddress, id: string): Promise<boolean> {
    return this.#tell(user, unreadFrame(id))
  }

  archive(user: UserAddress, id: string): Promise<boolean> {
    return this.#tell(user, archivedFrame(id))
  }

  readAll(user: UserAddress): Promise<boolean> {
    return this.#tell(user, readAllFrame())
  }

  async #tell({ tenantId, userId }: UserAddress, frame: Frame): Promise<boolean> {
    try {
      return (await this.#relay.toUser({ tenantId, userId }, frame)) > 0
    } catch (error) {
      this.#log.event('relay.failed', { tenant_id: tenantId, err: error })
      return false
    }
  }
}
