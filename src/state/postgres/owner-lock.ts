import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Log } from '../../telemetry/log.js'
import { addressOf, type Connection } from './connection.js'

/** Any number that no other lock of this database uses. */
const LOCK_KEY = 7_305_209_505
/** How long the connection of a predecessor that was killed may take to be noticed as gone. */
const PATIENCE_MS = 3_000
const RETRY_MS = 100
const RECONNECT_MS = 500
const TIMEOUT_MS = 2_000

export interface OwnerLock {
  release(): Promise<void>
}

export interface OwnerLockOptions {
  readonly connection: Connection
  readonly dataDir: string
  readonly log: Log
  /** Called once, when the lock was lost with the connection and another daemon has it now. */
  readonly onLost: (err: Error) => void
}

/**
 * Makes this daemon the only one that uses the embedded database of `dataDir`, by a session-level
 * advisory lock on a connection of its own. Rejects after 3 s when another daemon holds it.
 * When the database restarts the lock is taken again.
 */
export async function acquireOwnerLock(options: OwnerLockOptions): Promise<OwnerLock> {
  const { connection, dataDir, log, onLost } = options
  const released = new AbortController()
  let client = await acquire(connection)
  if (!client) throw inUse(dataDir)

  const hold = (held: pg.Client): void => {
    held.once('end', () => {
      if (!released.signal.aborted) void reacquire()
    })
  }
  const reacquire = async (): Promise<void> => {
    while (!released.signal.aborted) {
      try {
        client = await acquire(connection)
      } catch (err) {
        log.event('postgres.connection_lost', { err })
        await delay(RECONNECT_MS)
        continue
      }
      if (!client) return onLost(inUse(dataDir))
      if (released.signal.aborted) return client.end()
      log.event('postgres.owner_lock_retaken')
      return hold(client)
    }
  }
  hold(client)
  return {
    release: async () => {
      released.abort()
      await client?.end()
    },
  }
}

const inUse = (dataDir: string): Error =>
  new Error(`Another daemon uses the DATA_DIR ${dataDir}. Stop it, or give this one a DATA_DIR of its own.`)

/** Null when somebody else holds the lock; rejects when the database is away. */
async function acquire(connection: Connection): Promise<pg.Client | null> {
  const client = new pg.Client({
    ...addressOf(connection),
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    keepAlive: true,
    application_name: 'notification-service owner',
  })
  // A broken connection also ends, which is what is listened for.
  client.on('error', () => undefined)
  const deadline = performance.now() + PATIENCE_MS
  try {
    await client.connect()
    for (;;) {
      const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [
        LOCK_KEY,
      ])
      if (rows[0]?.held) return client
      if (performance.now() > deadline) break
      await delay(RETRY_MS)
    }
  } catch (err) {
    await client.end()
    throw err
  }
  await client.end()
  return null
}
