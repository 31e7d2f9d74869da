import t from 'tap'
import { createClock } from '../../../src/state/postgres/clock.js'
import { createPool } from '../../../src/state/postgres/pool.js'
import { silentLog, startPostgres, testDatabase } from '../../support/postgres.js'
import { recordLog } from '../../support/recorded-log.js'

const HOUR = 3_600_000

for (const [name, off] of [
  ['an hour fast', HOUR],
  ['an hour slow', -HOUR],
  ['right', 0],
] as const) {
  t.test(`a local clock that is ${name} tells the database's time`, async (t) => {
    const { pool } = await testDatabase(t)
    const clock = await createClock(pool, silentLog(), () => Date.now() + off)
    t.teardown(() => clock.stop())
    const before = clock.now()
    const { rows } = await pool.query<{ now: number }>('SELECT clock_timestamp() AS now')
    const after = clock.now()
    const now = rows[0]?.now ?? Number.NaN
    // Half a round trip is the error that no measurement over the network can exclude.
    const tolerance = after - before + 20
    t.ok(before <= now + tolerance, `${before} is not after ${now}`)
    t.ok(after >= now - tolerance, `${after} is not before ${now}`)
  })
}

t.test('a clock that is set while the service runs is corrected by the next measurement', async (t) => {
  const { pool } = await testDatabase(t)
  let off = 0
  const clock = await createClock(pool, silentLog(), () => Date.now() + off)
  t.teardown(() => clock.stop())
  off = HOUR
  await clock.measure()
  t.ok(Math.abs(clock.now() - Date.now()) < 1000)
})

t.test('setting the system clock does not move the time in between', async (t) => {
  const { pool } = await testDatabase(t)
  const clock = await createClock(pool, silentLog())
  const { now } = Date
  t.teardown(() => {
    clock.stop()
    Date.now = now
  })
  const before = clock.now()
  Date.now = () => now() + HOUR
  t.ok(clock.now() - before < 1000)
})

t.test('while the database is away the last offset holds', async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.destroy())
  const pool = createPool(postgres.connection, { size: 1, statementTimeoutMs: 1000, log: recordLog() })
  t.teardown(() => pool.end())
  const clock = await createClock(pool, silentLog(), () => Date.now() + HOUR)
  t.teardown(() => clock.stop())
  await postgres.stop()
  await t.rejects(clock.measure())
  t.ok(Math.abs(clock.now() - Date.now()) < 1000)
  t.type(clock.now() % 1, 'number')
  t.equal(clock.now() % 1, 0, 'whole milliseconds')
})
