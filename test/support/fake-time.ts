import pg from 'pg'
import { addressOf, type Connection } from '../../src/state/postgres/connection.js'

const CLOCKS = ['now', 'clock_timestamp', 'statement_timestamp', 'transaction_timestamp'] as const

/**
 * Lets a database live at another date: its clock starts at `time`, runs on, and can be set. Whatever waits
 * in the server goes on by the true clock. To be called before anything is in it, as defaults of columns
 * keep the function that they were made with. The words of SQL (`CURRENT_TIMESTAMP`) still tell the true time.
 *
 * It is not libfaketime: signal handlers see the true time there, so that no `statement_timeout`, `lock_timeout`
 * or deadlock check ends a wait.
 */
export async function fakeTime(connection: Connection, time: number): Promise<void> {
  await run(connection, [
    'SET allow_system_table_mods = on',
    'CREATE SCHEMA fake_time',
    'CREATE TABLE fake_time.clock (ahead interval NOT NULL)',
    "INSERT INTO fake_time.clock VALUES ('0')",
    ...CLOCKS.flatMap((clock) => [
      `ALTER FUNCTION pg_catalog.${clock}() RENAME TO true_${clock}`,
      `CREATE FUNCTION pg_catalog.${clock}() RETURNS timestamptz LANGUAGE sql
         ${clock === 'clock_timestamp' ? 'VOLATILE' : 'STABLE'}
         AS 'SELECT pg_catalog.true_${clock}() + ahead FROM fake_time.clock'`,
    ]),
  ])
  await setTime(connection, time)
}

/** Sets the clock of a database that lives at another date, for all its connections at once. */
export async function setTime(connection: Connection, time: number): Promise<void> {
  const target = `to_timestamp(${time / 1_000})`
  await run(connection, [`UPDATE fake_time.clock SET ahead = ${target} - pg_catalog.true_clock_timestamp()`])
}

async function run(connection: Connection, statements: readonly string[]): Promise<void> {
  const client = new pg.Client(addressOf(connection))
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
