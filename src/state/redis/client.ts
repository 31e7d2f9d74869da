import { Redis } from 'ioredis'
import { SCRIPTS } from './scripts.js'

export interface RedisOptions {
  /** `host:port`, `redis://…` or `rediss://…` (TLS). What a URL says goes before the fields below. */
  readonly address: string
  readonly username?: string
  readonly password?: string
  readonly db?: number
  /** In front of every key and channel; `notif` unless given. */
  readonly prefix?: string
}

/** How long a command may wait for its reply. */
const COMMAND_TIMEOUT_MS = 500
const CONNECT_TIMEOUT_MS = 2_000
const LONGEST_RETRY_MS = 2_000

/**
 * A connection that waits for nothing: without a ready server its commands are rejected at
 * once, and a command that was cut off is not repeated, because it may have taken effect.
 * It reconnects for ever.
 */
export function createClient(options: RedisOptions): Redis {
  return new Redis(options.address, {
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.db === undefined ? {} : { db: options.db }),
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: 100,
    keepAlive: 10_000,
    retryStrategy: (attempt) =>
      Math.min(LONGEST_RETRY_MS, 25 * 2 ** Math.min(attempt, 10)) * (0.75 + Math.random() / 4),
    // After a failover the old primary answers as a replica.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    scripts: SCRIPTS,
  })
}
