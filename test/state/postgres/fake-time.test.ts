import pg from 'pg'
import t, { type Test } from 'tap'
import { addressOf } from '../../../src/state/postgres/connection.js'
import { migrate } from '../../../src/state/postgres/migrate.js'
import { silentLog, startPostgres, type TestPostgres } from '../../support/postgres.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** What a busy machine may need for a statement. */
const SLOW_MS = 5_000
const SPRING = Date.parse('2031-03-30T00:59:50Z')

t.test('a PostgreSQL at another date', async (t) => {
  const began = performance.now()
  const server = await startPostgres({ at: SPRING })
  t.teardown(() => server.destroy())
  await migrate(server.connection, silentLog())
  const client = await connect(t, server)

  await t.test('every clock shows it and runs on', async (t) => {
    for (const clock of ['now', 'clock_timestamp', 'statement_timestamp', 'transaction_timestamp']) {
      const late = (await timeOf(client, clock)) - SPRING
      t.ok(late >= 0 && late <= performance.now() - began, `${clock}: ${late} ms later`)
    }
    const before = await timeOf(client, 'now')
    await client.query('SELECT pg_sleep(0.2)')
    t.ok((await timeOf(client, 'now')) - before >= 200)
  })

  await t.test('columns that are filled by default as well', async (t) => {
    const { rows } = await client.query<{ time: number }>(
      `INSERT INTO jobs (id, tenant_id, total) VALUES ('job', 'acme', 1)
       RETURNING extract(epoch FROM created_at)::float8 * 1000 AS time`,
    )
    const late = Number(rows[0]?.time) - SPRING
    t.ok(late >= 0 && late <= performance.now() - began, `${late} ms later`)
  })

  for (const [where, target] of [
    ['ahead', SPRING + 200 * DAY],
    ['back', SPRING - HOUR],
  ] as const)
    await t.test(`it jumps ${where}, for connections that are open and for new ones`, async (t) => {
      const jumped = performance.now()
      await server.jumpTo(target)
      for (const each of [client, await connect(t, server)]) {
        const late = (await timeOf(each, 'now')) - target
        t.ok(late >= 0 && late <= performance.now() - jumped, `${late} ms later`)
      }
    })

  await t.test('what waits goes by the true time', async (t) => {
    const asked = performance.now()
    await client.query("SET statement_timeout = '200ms'")
    await t.rejects(client.query('SELECT pg_sleep(60)'), { code: '57014' })
    t.ok(performance.now() - asked < SLOW_MS)
  })

  await t.test('it goes on after a crash', async (t) => {
    await client.end()
    await server.kill()
    await server.restart()
    const late = (await timeOf(await connect(t, server), 'now')) - (SPRING - HOUR)
    t.ok(late >= 0 && late <= performance.now() - began, `${late} ms later`)
  })
})

async function timeOf(client: pg.Client, clock: string): Promise<number> {
  const { rows } = await client.query<{ time: number }>(
    `SELECT extract(epoch FROM ${clock}())::float8 * 1000 AS time`,
  )
  return rows[0]?.time ?? Number.NaN
}

async function connect(t: Pick<Test, 'teardown'>, server: TestPostgres): Promise<pg.Client> {
  const client = new pg.Client(addressOf(server.connection))
  client.on('error', () => undefined)
  await client.connect()
  t.teardown(() => client.end())
  return client
}
