import type pg from 'pg'
import type { Config } from '../config/config.js'
import { createClock, type LedgerClock } from '../state/postgres/clock.js'
import type { Connection } from '../state/postgres/connection.js'
import { startEmbedded } from '../state/postgres/embedded.js'
import { migrate } from '../state/postgres/migrate.js'
import { createPool } from '../state/postgres/pool.js'
import { Store } from '../state/postgres/store.js'
import type { Log } from '../telemetry/log.js'

export interface Database {
  readonly store: Store
  readonly clock: LedgerClock
  /** Rejects when the database does not answer. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** The PostgreSQL that the configuration names, or else one of our own, with its schema up to date. */
export async function openDatabase(
  { database, dataDir }: Config,
  log: Log,
  onLost: (error: Error) => void,
): Promise<Database> {
  const server = await connect(database, dataDir, log, onLost)
  try {
    await migrate(server.connection, log)
    const pool = createPool(server.connection, {
      size: database.poolSize,
      statementTimeoutMs: database.statementTimeoutMs,
      log,
    })
    const clock = await createClock(pool, log)
    return {
      store: new Store(pool),
      clock,
      ping: () => ping(pool),
      close: async () => {
        clock.stop()
        await pool.end()
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
