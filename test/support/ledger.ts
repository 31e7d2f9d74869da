import type { Test } from 'tap'
import type { Decision } from '../../src/model/acceptance.js'
import type { Notification } from '../../src/model/notification.js'
import { PostgresLedger } from '../../src/state/postgres/ledger.js'
import { migrate } from '../../src/state/postgres/migrate.js'
import { Store } from '../../src/state/postgres/store.js'
import { entry, NOW } from './notification.js'
import { silentLog, testDatabase } from './postgres.js'

const DAY_MS = 86_400_000

/** A ledger on a database of its own, with short ways to put something in and to look. */
export async function testLedger(t: Pick<Test, 'teardown'>) {
  const { connection, pool } = await testDatabase(t)
  await migrate(connection, silentLog())
  const store = new Store(pool)
  const ledger = new PostgresLedger(store, { keyTtlMs: DAY_MS })
  return {
    connection,
    pool,
    store,
    ledger,
    insert: async (changes: Partial<Notification> = {}, decision: Decision = NOW): Promise<Notification> => {
      const one = entry(changes, decision)
      await ledger.insert([one])
      return one.notification
    },
    row: async (id: string) => (await pool.query('SELECT * FROM notifications WHERE id = $1', [id])).rows[0],
  }
}
