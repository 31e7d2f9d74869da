import type { CallerCounters } from '../api/ports.js'
import type { Config } from '../config/config.js'
import { MemoryCallerCounters } from '../state/memory/caller-counters.js'
import { MemoryPacer } from '../state/memory/pacer.js'
import { MemoryPresence } from '../state/memory/presence.js'
import { MemoryQueue } from '../state/memory/queue.js'
import { MemoryRateCounters } from '../state/memory/rate-counters.js'
import { MemoryRelay } from '../state/memory/relay.js'
import { ALWAYS_OURS } from '../state/memory/sweep-turns.js'
import { MemoryUnreadCounts } from '../state/memory/unread-counts.js'
import { RedisCallerCounters } from '../state/redis/caller-counters.js'
import { connectRedis } from '../state/redis/connection.js'
import { RedisPacer } from '../state/redis/pacer.js'
import { RedisPresence } from '../state/redis/presence.js'
import { RedisQueue } from '../state/redis/queue.js'
import { RedisRateCounters } from '../state/redis/rate-counters.js'
import { RedisRelay } from '../state/redis/relay.js'
import { RedisSweepTurns } from '../state/redis/sweep-turns.js'
import { RedisUnreadCounts } from '../state/redis/unread-counts.js'
import type { SweepTurns } from '../state/sweeper.js'
import type { Epoch, Pacer, Presence, Queue, RateCounters, Relay, UnreadCounts } from '../streams/ports.js'
import type { Log } from '../telemetry/log.js'

/** The index and the counters: all of it may be lost at any time. */
export interface IndexStore {
  readonly queue: Queue & Epoch
  readonly sweepTurns: SweepTurns
  readonly counters: RateCounters
  readonly pacer: Pacer
  readonly callerCounters: CallerCounters
  readonly relay: Relay
  readonly presence: Presence
  readonly unread: UnreadCounts
  /** Null where there is nothing outside of this process. */
  readonly ping: (() => Promise<void>) | null
  close(): Promise<void>
}

/** How long a start waits for Redis, in milliseconds. */
const FIRST_ANSWER_MS = 2_000

/** In Redis where the configuration names one, else in this process. */
export async function openIndexStore({ redis }: Config, log: Log): Promise<IndexStore> {
  if (redis === null) {
    const relay = new MemoryRelay()
    return {
      queue: new MemoryQueue(),
      sweepTurns: ALWAYS_OURS,
      counters: new MemoryRateCounters(),
      pacer: new MemoryPacer(),
      callerCounters: new MemoryCallerCounters(),
      relay,
      presence: new MemoryPresence(relay),
      unread: new MemoryUnreadCounts(),
      ping: null,
      close: async () => undefined,
    }
  }
  const connection = connectRedis(redis, log)
  const queue = new RedisQueue(connection)
  const relay = new RedisRelay(connection, log)
  await Promise.all([queue.open(), relay.open()])
  // What is accepted before would wait for a sweep. Without Redis it begins all the same.
  await connection.connected(AbortSignal.timeout(FIRST_ANSWER_MS)).catch(() => undefined)
  return {
    queue,
    sweepTurns: new RedisSweepTurns(connection),
    counters: new RedisRateCounters(connection),
    pacer: new RedisPacer(connection),
    callerCounters: new RedisCallerCounters(connection, new MemoryCallerCounters()),
    relay,
    presence: new RedisPresence(connection),
    unread: new RedisUnreadCounts(connection, log),
    ping: () => connection.ping(),
    close: () => connection.close(),
  }
}
