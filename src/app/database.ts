import type pg from 'pg'
import type { Config } from '../config/config.js'
import { type Changes, listenForChanges } from '../state/postgres/changes.js'
import { createClock, type LedgerClock } from '../state/postgres/clock.js'
import type { Connection } from '../state/postgres/connection.js'
import { startEmbedded } from '../state/postgres/embedded.js'
import { migrate } from '../state/postgres/migrate.js'
import { createPool } from '../state/postgres/pool.js'
import { Store } from '../state/postgres/store.js'
import type { Log } from '../telemetry/log.js'

export interface Database {
  readonly store: Store
  /** For what people look at: however long that takes, it takes nothing from the streams. */
  readonly reading: Store
  readonly clock: LedgerClock
  /** What other instances change. */
  readonly changes: Changes
  /** Rejects when the database does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** The share of the connections that is kept for reading. */
const READERS = 0.25

/** The PostgreSQL that the configuration names, or else one of our own, with its schema up to date. */
export async function openDatabase(
  { database, dataDir }: Config,
  log: Log,
  onLost: (error: Error) => void,
): Promise<Database> {
  const server = await connect(database, dataDir, log, onLost)
  try {
    await migrate(server.connection, log)
    const { poolSize, statementTimeoutMs } = database
    const readers = Math.ceil(poolSize * READERS)
    const pool = createPool(server.connection, { size: poolSize - readers, statementTimeoutMs, log })
    const readPool = createPool(server.connection, { size: readers, statementTimeoutMs, log })
    const clock = await createClock(pool, log)
    const changes = await listenForChanges(server.connection, log)
    return {
      store: new Store(pool),
      reading: new Store(readPool),
      clock,
      changes,
      ping: () => ping(pool),
      close: async () => {
        clock.stop()
        await Promise.all([pool.end(), readPool.end(), changes.close()])
        await server.stop()
      },
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function connect(
  database: Config['database'],
  dataDir: string,
  log: Log,
  onLost: (error: Error) => void,
): Promise<{ readonly connection: Connection; stop(): Promise<void> }> {
  if (database.kind === 'embedded') return startEmbedded({ dataDir, log, onLost })
  return { connection: database.connection, stop: async () => undefined }
}

async function ping(pool: pg.Pool): Promise<void> {
  await pool.query('SELECT 1')
}
