import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import type { Log } from '../../telemetry/log.js'
import { addressOf, type Connection } from './connection.js'

const DIRECTORY = fileURLToPath(new URL('migrations', import.meta.url))

/** Brings the schema up to date, forward only. Instances that start at once wait for each other. */
export async function migrate(connection: Connection, log: Log): Promise<void> {
  const client = new pg.Client(addressOf(connection))
  await client.connect()
  try {
    const applied = await runner({
      dbClient: client,
      dir: DIRECTORY,
      direction: 'up',
      migrationsTable: 'schema_migrations',
      advisoryLockMode: 'wait',
      log: () => undefined,
    })
    if (applied.length > 0) log.event('postgres.migrated', { migrations: applied.map(({ name }) => name) })
  } finally {
    await client.end()
  }
}
