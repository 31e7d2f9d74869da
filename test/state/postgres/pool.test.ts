import { Writable } from 'node:stream'
import t from 'tap'
import { createPool } from '../../../src/state/postgres/pool.js'
import { createLog } from '../../../src/telemetry/log.js'
import { silentLog, startPostgres, testDatabase } from '../../support/postgres.js'

t.test('times read as epoch milliseconds, whatever the zone of the session', async (t) => {
  const { pool } = await testDatabase(t)
  const client = await pool.connect()
  t.teardown(() => client.release(true))
  for (const zone of ['UTC', 'Asia/Shanghai', 'Asia/Kolkata', 'America/St_Johns']) {
    await client.query(`SET timezone TO '${zone}'`)
    const { rows } = await client.query(
      `SELECT '2026-11-22 19:25:45.123+00'::timestamptz AS ms, '2026-11-22 19:25:45.123456+00'::timestamptz AS us,
              '2026-11-22 19:25:45+00'::timestamptz AS s, '2026-11-22 19:25:45.1+00'::timestamptz AS tenths,
              to_timestamp(1e10) AS far, NULL::timestamptz AS none`,
    )
    const ms = Date.UTC(2026, 10, 22, 19, 25, 45)
    t.same(rows, [{ ms: ms + 123, us: ms + 123, s: ms, tenths: ms + 100, far: 1e13, none: null }], zone)
  }
})

t.test('bigints read as numbers, JSON parsed', async (t) => {
  const { pool } = await testDatabase(t)
  const { rows } = await pool.query(
    `SELECT count(*) AS n, 9007199254740991::int8 AS big, '{"a":[1]}'::jsonb AS b, '[null]'::json AS j FROM (VALUES (1), (2)) v`,
  )
  t.same(rows, [{ n: 2, big: Number.MAX_SAFE_INTEGER, b: { a: [1] }, j: [null] }])
})

t.test('a value that has no true counterpart is an error, not another value', async (t) => {
  const { pool } = await testDatabase(t)
  await t.rejects(pool.query(`SELECT 'infinity'::timestamptz`), /infinity, which is no instant/)
  await t.rejects(pool.query('SELECT 9007199254740993::int8'), /9007199254740993/)
  t.same((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }], 'the connection still serves')
})

t.test('a statement that takes too long is ended by the server', async (t) => {
  const { connection } = await testDatabase(t)
  const pool = createPool(connection, { size: 1, statementTimeoutMs: 100, log: silentLog() })
  t.teardown(() => pool.end())
  await t.rejects(pool.query('SELECT pg_sleep(60)'), { code: '57014' })
  t.same((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }])
})

t.test('a pool whose connections are all taken refuses after two seconds', async (t) => {
  const { connection } = await testDatabase(t)
  const pool = createPool(connection, { size: 1, statementTimeoutMs: 1000, log: silentLog() })
  const client = await pool.connect()
  await t.rejects(pool.query('SELECT 1'), /timeout exceeded/)
  client.release()
  await pool.end()
})

t.test('a lost connection is logged, and the pool recovers when the server is back', async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.destroy())
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const log = createLog('debug', destination)
  const pool = createPool(postgres.connection, { size: 2, statementTimeoutMs: 1000, log })
  t.teardown(() => pool.end())
  await pool.query('SELECT 1')
  const lost = new Promise((resolve) => pool.once('error', resolve))
  await postgres.kill()
  await lost
  t.match(lines.join(''), '"event":"postgres.connection_lost"')
  await t.rejects(pool.query('SELECT 1'))
  await postgres.restart()
  t.same((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }])
})
