import { createHash } from 'node:crypto'
import type { QueuedChannel } from '../../model/notification.js'
import type { PaceKey, UserAddress } from '../../streams/ports.js'

/**
 * The names of everything we keep in Redis. Keys that one script touches share a hash
 * tag, so that they lie on one node of a Redis Cluster.
 */
export class Keys {
  readonly epoch: string
  /** There while an instance has the turn to read again what is overdue. */
  readonly sweepTurn: string
  readonly delay: string
  /** What has fallen due and was not taken yet. */
  readonly due: string
  /** Pub/sub: which lanes may have something. */
  readonly laneNews: string
  /** Pub/sub: frames for whole tenants. */
  readonly tenantFrames: string
  readonly #prefix: string

  /** @param prefix keeps apart services (or tests) that share a Redis; letters, digits and `_.:-` */
  constructor(prefix: string) {
    if (!/^[\w.:-]+$/.test(prefix)) throw new TypeError('A key prefix has only letters, digits and _.:-')
    this.#prefix = prefix
    this.epoch = `${prefix}:epoch`
    this.sweepTurn = `${prefix}:sweep-turn`
    this.delay = `${prefix}:queue:delay`
    this.due = `{${this.delay}}:due`
    this.laneNews = `${prefix}:lanes`
    this.tenantFrames = `${prefix}:sockets`
  }

  ready(channel: QueuedChannel): string {
    return `${this.#prefix}:queue:{${channel}}:ready`
  }

  critical(channel: QueuedChannel): string {
    return `${this.#prefix}:queue:{${channel}}:critical`
  }

  /** Of a lane: whose turn it is. */
  turns(lane: string): string {
    return `${lane}:turns`
  }

  /** How many each tenant has in the lanes of a channel. */
  held(channel: QueuedChannel): string {
    return `${this.#prefix}:queue:{${channel}}:held`
  }

  unreadCount(user: UserAddress): string {
    return `${this.#prefix}:user:{${encode(user)}}:unread_count`
  }

  unreadLease(user: UserAddress): string {
    return `${this.#prefix}:user:{${encode(user)}}:unread_lease`
  }

  /** @param hour hours since the epoch */
  hourly(user: UserAddress, hour: number): string {
    return `${this.#prefix}:rate:{${encode(user)}}:hourly:${hour}`
  }

  /** @param day days since the epoch */
  daily(user: UserAddress, day: number): string {
    return `${this.#prefix}:rate:{${encode(user)}}:daily:${day}`
  }

  pace({ tenantId, target }: PaceKey, perMinute: number): string {
    const hash = createHash('sha256').update(`${tenantId}\n${target}`).digest('base64url')
    return `${this.#prefix}:pace:${perMinute}:${hash}`
  }

  /** Requests of a caller in the minute that runs. */
  callerCount(caller: UserAddress): string {
    return `${this.#prefix}:caller:{${encode(caller)}}:count`
  }

  userFrames(user: UserAddress): string {
    return `${this.#prefix}:sockets:${encode(user)}`
  }

  /** Users with sockets, by when that is to be forgotten. */
  presenceSeen(tenantId: string): string {
    return `${this.#prefix}:presence:{${escapeId(tenantId)}}:seen`
  }

  /** The same users in the order of their ids. */
  presenceUsers(tenantId: string): string {
    return `${this.#prefix}:presence:{${escapeId(tenantId)}}:users`
  }
}

function encode(user: UserAddress): string {
  return `${escapeId(user.tenantId)}:${escapeId(user.userId)}`
}

/** No id can pass for another, end a hash tag or fail: each other UTF-16 unit becomes `%` and four hex digits. */
function escapeId(id: string): string {
  return id.replace(/[^A-Za-z0-9_.@-]/g, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
