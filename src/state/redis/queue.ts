import { randomUUID } from 'node:crypto'
import { byQueuedChannel, QUEUED_CHANNELS, type QueuedChannel } from '../../model/notification.js'
import { STEP } from '../../model/priority.js'
import type { DelayEntry, Epoch, Queue, QueueDepth, ReadyEntry } from '../../streams/ports.js'
import type { RedisConnection } from './connection.js'

interface Lane {
  readonly channel: QueuedChannel
  /** Id, step and tenant of each. */
  readonly members: (string | number)[]
}

/**
 * The index in Redis, shared by all instances. Ids are popped, not leased: who takes one and
 * dies leaves it to the sweeper. Meant for batches of up to a few thousand.
 */
export class RedisQueue implements Queue, Epoch {
  readonly #connection: RedisConnection
  readonly #listeners = new Set<(channel: QueuedChannel) => void>()
  /** Marks our own news, which our listeners have had already. */
  readonly #instance = randomUUID()

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  /** Begins to listen to the other instances; to be awaited before the first use. */
  async open(): Promise<void> {
    const { keys, subscriptions } = this.#connection
    subscriptions.onRestored(() => {
      for (const channel of QUEUED_CHANNELS) this.#notify(channel)
    })
    await subscriptions.add(keys.laneNews, (message) => {
      const [instance, name] = message.split(' ')
      const channel = QUEUED_CHANNELS.find((known) => known === name)
      if (channel !== undefined && instance !== this.#instance) this.#notify(channel)
    })
  }

  async push(entries: readonly ReadyEntry[]): Promise<void> {
    if (entries.length === 0) return
    const { keys } = this.#connection
    const lanes = new Map<string, Lane>()
    for (const { id, channel, priority, tenantId } of entries) {
      const key = priority === 'critical' ? keys.critical(channel) : keys.ready(channel)
      const lane = lanes.get(key) ?? { channel, members: [] }
      lanes.set(key, lane)
      lane.members.push(id, STEP[priority], tenantId)
    }
    const channels = new Set([...lanes.values()].map(({ channel }) => channel))
    await this.#connection.run((redis) =>
      Promise.all([
        ...[...lanes].flatMap(([key, { channel, members }]) =>
          portions(members).map((some) => redis.pushReady(key, keys.turns(key), keys.held(channel), ...some)),
        ),
        ...[...channels].map((channel) => redis.publish(keys.laneNews, `${this.#instance} ${channel}`)),
      ]),
    )
    for (const channel of channels) this.#notify(channel)
  }

  async take(channel: QueuedChannel, max: number): Promise<readonly string[]> {
    if (max <= 0) return []
    const { keys } = this.#connection
    const [critical, ready] = [keys.critical(channel), keys.ready(channel)]
    return this.#connection.run((redis) =>
      redis.takeReady(critical, keys.turns(critical), ready, keys.turns(ready), keys.held(channel), max),
    )
  }

  async delay(entries: readonly DelayEntry[]): Promise<void> {
    if (entries.length === 0) return
    const members = entries.flatMap(({ id, tenantId, dueAt }) => [dueAt, `${id} ${tenantId}`])
    await this.#connection.run((redis) => redis.zadd(this.#connection.keys.delay, ...members))
  }

  async takeDue(now: number, max: number): Promise<readonly string[]> {
    if (max <= 0) return []
    const { keys } = this.#connection
    return this.#connection.run((redis) =>
      redis.takeDue(keys.delay, keys.due, keys.turns(keys.due), now, max, MOVED_AT_ONCE),
    )
  }

  async depth(): Promise<QueueDepth> {
    const { keys } = this.#connection
    const inLane = async (channel: QueuedChannel) => {
      const sizes = await this.#connection.run((redis) =>
        Promise.all([redis.zcard(keys.critical(channel)), redis.zcard(keys.ready(channel))]),
      )
      return sizes[0] + sizes[1]
    }
    const [delayed, ...lanes] = await Promise.all([
      this.#connection.run((redis) => Promise.all([redis.zcard(keys.delay), redis.zcard(keys.due)])),
      ...QUEUED_CHANNELS.map(inLane),
    ])
    return {
      ready: byQueuedChannel((channel) => lanes[QUEUED_CHANNELS.indexOf(channel)] ?? 0),
      delayed: delayed[0] + delayed[1],
    }
  }

  async held(channel: QueuedChannel): Promise<ReadonlyMap<string, number>> {
    const { keys } = this.#connection
    const counts = await this.#connection.run((redis) => redis.hgetall(keys.held(channel)))
    return new Map(Object.entries(counts).map(([tenantId, count]) => [tenantId, Number(count)]))
  }

  onReady(listener: (channel: QueuedChannel) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async intact(): Promise<boolean> {
    return (await this.#connection.run((redis) => redis.exists(this.#connection.keys.epoch))) === 1
  }

  async markIntact(): Promise<void> {
    await this.#connection.run((redis) => redis.set(this.#connection.keys.epoch, new Date().toISOString()))
  }

  #notify(channel: QueuedChannel): void {
    for (const listener of this.#listeners) listener(channel)
  }
}

/** How many ids that are due one script moves: a few milliseconds. */
const MOVED_AT_ONCE = 2_000
/** A script takes so many entries at once; Lua has room for 8000 arguments. */
const AT_ONCE = 1_000
const PER_ENTRY = 3

function portions<T>(members: readonly T[]): readonly (readonly T[])[] {
  const size = AT_ONCE * PER_ENTRY
  return Array.from({ length: Math.ceil(members.length / size) }, (_, n) =>
    members.slice(n * size, (n + 1) * size),
  )
}
