import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { type Redis, ReplyError } from 'ioredis'
import type { Log } from '../../telemetry/log.js'
import { createClient, type RedisOptions } from './client.js'
import { concealArguments, Guard } from './guard.js'
import { Keys } from './keys.js'
import { Subscriptions } from './subscriptions.js'

/** A connection that nobody uses is tried this often, because a peer that vanished sends nothing. */
const HEARTBEAT_MS = 5_000
/** After an outage every instance is back within this time of the first: longer than the longest pause between two tries. */
const SETTLE_MS = 3_000

export interface RedisConnection {
  readonly keys: Keys
  readonly subscriptions: Subscriptions
  /**
   * Commands that `work` issues without awaiting go out in one round trip, in order. Rejects
   * within a second, and at once while Redis is known to be away.
   */
  run<T>(work: (redis: Redis) => Promise<T>): Promise<T>
  /** Resolves when commands are answered and every subscription stands. */
  connected(signal: AbortSignal): Promise<void>
  /** False while Redis is away, and until the other instances have had time to subscribe again. */
  readonly isSettled: boolean
  /** Resolves when it is settled, to whether it was. */
  settled(signal: AbortSignal): Promise<boolean>
  /** Rejects within a second when Redis does not answer. */
  ping(): Promise<void>
  /** Lets commands under way finish, for as long as one command may take. */
  close(): Promise<void>
}

/** Begins to connect and returns at once: the service runs without Redis. */
export function connectRedis(options: RedisOptions, log: Log): RedisConnection {
  const commands = createClient(options)
  const subscriber = createClient(options)
  const clients = [commands, subscriber]
  const guard = new Guard(commands, (error) => {
    noteLoss(error)
    reconnect(commands)
  })
  const subscriptions = new Subscriptions(subscriber)
  const changes = new EventEmitter().setMaxListeners(0)
  let restored = false
  let settlesAt = 0
  let state: 'starting' | 'up' | 'lost' | 'closing' = 'starting'

  const up = () => guard.closed && restored && clients.every((client) => client.status === 'ready')
  const noteLoss = (error: unknown) => {
    if (state === 'lost' || state === 'closing') return
    state = 'lost'
    log.event('redis.connection_lost', { err: concealArguments(error) })
  }
  const noteUp = () => {
    if (state === 'up' || state === 'closing' || !up()) return
    if (state === 'lost') settlesAt = performance.now() + SETTLE_MS
    state = 'up'
    log.event('redis.connected')
    changes.emit('up')
  }
  const restore = async () => {
    await subscriptions.restore()
    restored = true
  }
  /** What every new connection begins with. If it fails the next connection repeats it, unless Redis refused. */
  const begin = async (client: Redis, step: Promise<void>) => {
    try {
      await step
      noteUp()
    } catch (error) {
      noteLoss(error)
      reconnectAfter(error, client)
    }
  }

  for (const client of clients) {
    client.on('error', noteLoss)
    client.on('close', () => noteLoss(new Error('Redis closed the connection')))
  }
  subscriber.on('close', () => {
    restored = false
  })
  commands.on('ready', () => begin(commands, guard.probe()))
  subscriber.on('ready', () => begin(subscriber, restore()))
  const heartbeat = setInterval(() => {
    for (const client of clients) {
      if (client.status === 'ready') client.ping().catch((error) => reconnectAfter(error, client))
    }
  }, HEARTBEAT_MS).unref()

  // Who closes does not wait.
  const isSettled = () => state === 'closing' || (state === 'up' && performance.now() >= settlesAt)
  const connected = async (signal: AbortSignal) => {
    while (!up()) await once(changes, 'up', { signal })
  }

  return {
    keys: new Keys(options.prefix ?? 'notif'),
    subscriptions,
    run: (work) => guard.run(work),
    connected,
    get isSettled() {
      return isSettled()
    },
    async settled(signal) {
      if (isSettled()) return true
      do {
        await connected(signal)
        await delay(Math.max(0, Math.ceil(settlesAt - performance.now())), undefined, { signal, ref: false })
      } while (!isSettled())
      return false
    },
    async ping() {
      await guard.run((redis) => redis.ping())
    },
    async close() {
      state = 'closing'
      clearInterval(heartbeat)
      await Promise.all(clients.map(quit))
    },
  }
}

/** Only what is connected may be cut: ioredis gives up for ever when it is stopped while it connects. */
function reconnect(client: Redis): void {
  if (client.status === 'ready') client.disconnect(true)
}

/** A refusal is an answer: another connection would get the same. */
function reconnectAfter(error: unknown, client: Redis): void {
  if (!(error instanceof ReplyError)) reconnect(client)
}

async function quit(client: Redis): Promise<void> {
  try {
    await client.quit()
  } catch {
    // Not connected, or it does not answer: there is nothing to wait for.
    client.disconnect()
  }
}
