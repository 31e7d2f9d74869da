import type { Test } from 'tap'
import { PostgresBlocklist } from '../../src/state/postgres/blocklist.js'
import { listenForChanges } from '../../src/state/postgres/changes.js'
import type { Connection } from '../../src/state/postgres/connection.js'
import { PostgresDirectory } from '../../src/state/postgres/directory.js'
import { PostgresPersonalData } from '../../src/state/postgres/personal-data.js'
import { createPool } from '../../src/state/postgres/pool.js'
import { PostgresRecipients } from '../../src/state/postgres/recipients.js'
import { type Statement, Store } from '../../src/state/postgres/store.js'
import { PostgresPreferences } from '../../src/state/postgres/subscriptions.js'
import { PostgresSuppressions } from '../../src/state/postgres/suppressions.js'
import { testLedger } from './ledger.js'
import { silentLog } from './postgres.js'
import { recordLog } from './recorded-log.js'
import { Watch } from './waiting.js'

/** Types whose name does not tell their group. */
export const GROUPS = new Map([
  ['weekly_offer', 'marketing'],
  ['security', 'system'],
] as const)

/** Counts what it runs, and holds back answers when a test says so. */
class WatchedStore extends Store {
  statements = 0
  hold: Promise<void> | null = null
  readonly held = new Watch()
  waiting = 0

  override async run<Row extends Record<string, unknown>>(
    statement: Statement,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    this.statements += 1
    const rows = await super.run<Row>(statement, values)
    if (this.hold !== null) {
      this.waiting += 1
      this.held.changed()
      await this.hold
      this.waiting -= 1
    }
    return rows
  }
}

/** What one instance knows and changes of recipients. */
async function instance(t: Pick<Test, 'teardown'>, connection: Connection, cacheSize: number) {
  const log = recordLog()
  const pool = createPool(connection, { size: 5, statementTimeoutMs: 10_000, log: silentLog() })
  const store = new WatchedStore(pool)
  const changes = await listenForChanges(connection, log)
  const known = new PostgresRecipients(store, changes, { cacheSize })
  const heard = new Watch()
  const barriers = new Set<string>()
  // After those of the cache: when this is called, the cache has heard it.
  changes.on('notification_recipients', ([tenantId, key]) => {
    if (tenantId === BARRIER && key !== undefined) barriers.add(key)
    heard.changed()
  })
  t.teardown(async () => {
    await changes.close()
    await pool.end()
  })
  return {
    store,
    log,
    changes,
    known,
    directory: new PostgresDirectory(store, known),
    preferences: new PostgresPreferences(store, known, GROUPS),
    blocklist: new PostgresBlocklist(store, known),
    suppressions: new PostgresSuppressions(store, known),
    personalData: new PostgresPersonalData(store, known),
    /** Resolves when everything that was committed before is heard of here. */
    caughtUp: async (): Promise<void> => {
      const key = `${Math.random()}`
      await pool.query(`SELECT pg_notify('notification_recipients', $1)`, [JSON.stringify([BARRIER, key])])
      await heard.until(() => barriers.has(key), 'the listener to catch up')
    },
  }
}

const BARRIER = 'barrier'

/** A database with two instances on it. */
export async function testRecipients(t: Pick<Test, 'teardown'>, { cacheSize = 1_000 } = {}) {
  const database = await testLedger(t)
  return {
    ...database,
    a: await instance(t, database.connection, cacheSize),
    b: await instance(t, database.connection, cacheSize),
  }
}

export const nobody = {
  email: null,
  phone: null,
  locale: null,
  timezone: null,
  quietHours: null,
  devices: [],
}
