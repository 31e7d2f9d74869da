import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import pg from 'pg'
import t, { type Test } from 'tap'
import { listenForChanges, type Topic } from '../../../src/state/postgres/changes.js'
import { addressOf, type Connection } from '../../../src/state/postgres/connection.js'
import { startPostgres, testDatabase } from '../../support/postgres.js'
import { type RecordedLog, recordLog } from '../../support/recorded-log.js'
import { Watch } from '../../support/waiting.js'

/** Changes with what they told. */
async function watch(t: Test, connection: Connection, log: RecordedLog = recordLog()) {
  const changes = await listenForChanges(connection, log)
  t.teardown(() => changes.close())
  const told = new Watch()
  const keys: string[][] = []
  const gaps: boolean[] = []
  const hear = (topic: Topic): void =>
    changes.on(topic, (key) => {
      keys.push([topic, ...key])
      told.changed()
    })
  hear('notification_templates')
  hear('notification_recipients')
  hear('notification_suppressions')
  changes.onGap(() => {
    gaps.push(changes.listening)
    told.changed()
  })
  return { changes, log, told, keys, gaps }
}

const LISTENERS = `SELECT pid FROM pg_stat_activity
  WHERE application_name = 'notification-service listener' AND datname = current_database()`

t.test('tells each key by its topic, and only what was committed', async (t) => {
  const { connection, pool } = await testDatabase(t)
  const { told, keys, changes } = await watch(t, connection)
  t.equal(changes.listening, true)
  await pool
    .query(`DO $$ BEGIN NOTIFY notification_templates, '["undone","x"]'; RAISE 'no'; END $$`)
    .catch(() => null)
  await pool.query(`NOTIFY notification_templates, '["t1","tmpl_1"]'`)
  await pool.query(`NOTIFY notification_recipients, '["t1","ada"]'`)
  await pool.query(`NOTIFY notification_suppressions, '["t1","email","ünï@example.com"]'`)
  await told.until(() => keys.length === 3, 'three keys')
  t.same(keys, [
    ['notification_templates', 't1', 'tmpl_1'],
    ['notification_recipients', 't1', 'ada'],
    ['notification_suppressions', 't1', 'email', 'ünï@example.com'],
  ])
})

t.test('a payload that is no key is logged and harms nothing', async (t) => {
  const { connection, pool } = await testDatabase(t)
  const { told, keys, log, gaps } = await watch(t, connection)
  for (const payload of ['', '{', '{"a":1}', 'null', '["a",1]', '"a"'])
    await pool.query(`SELECT pg_notify('notification_templates', $1)`, [payload])
  await pool.query(`NOTIFY notification_templates, '["t1","good"]'`)
  await told.until(() => keys.length === 1, 'the good key')
  t.same(keys, [['notification_templates', 't1', 'good']])
  t.equal(log.count('postgres.change_malformed'), 6)
  t.same(gaps, [])
})

t.test('a connection that is ended is replaced, and both ends of the gap are told', async (t) => {
  const { connection, pool } = await testDatabase(t)
  const { told, keys, gaps, log, changes } = await watch(t, connection)
  for (const round of [1, 2, 3]) {
    await pool.query(`SELECT pg_terminate_backend(pid) FROM (${LISTENERS}) AS listeners`)
    await told.until(() => gaps.length === 2 * round, 'the end of the gap')
    await pool.query(`SELECT pg_notify('notification_templates', $1)`, [`["t1","${round}"]`])
    await told.until(() => keys.length === round, 'a key')
  }
  t.same(gaps, [false, true, false, true, false, true])
  t.equal(log.count('postgres.listener_lost'), 3)
  t.equal(log.count('postgres.listener_back'), 3)
  t.equal((await pool.query(LISTENERS)).rowCount, 1, 'one connection, whatever happened')
  await changes.close()
  t.equal(changes.listening, false)
})

t.test('a server that is restarted, killed and away for a while is listened to again', async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.destroy())
  const { told, keys, gaps, changes } = await watch(t, postgres.connection)
  for (const end of [postgres.stop, postgres.kill]) {
    keys.length = 0
    gaps.length = 0
    await end()
    await told.until(() => gaps.length === 1, 'the loss')
    t.equal(changes.listening, false)
    await postgres.restart()
    await told.until(() => gaps.length === 2, 'the return')
    t.same(gaps, [false, true])
    await notify(postgres.connection)
    await told.until(() => keys.length === 1, 'a key')
  }
})

t.test('closing while the server is away ends at once, and nothing goes on', async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.destroy())
  const { told, gaps, changes, log } = await watch(t, postgres.connection)
  await postgres.kill()
  await told.until(() => gaps.length === 1, 'the loss')
  await changes.close()
  await postgres.restart()
  const client = await connected(postgres.connection)
  t.teardown(() => client.end())
  t.equal((await client.query(LISTENERS)).rowCount, 0)
  t.equal(log.count('postgres.listener_back'), 0)
  await changes.close()
})

t.test('the first connection must succeed', async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.destroy())
  await postgres.stop()
  await t.rejects(listenForChanges(postgres.connection, recordLog()))
})

t.test('a server that falls silent is noticed, and closing does not wait for it', async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.destroy())
  const line = await mutableLine(t, postgres.connection)
  const { told, gaps, keys, changes } = await watch(t, line.connection)
  line.mute()
  await told.until(() => gaps.length === 1, 'the silence')
  t.equal(changes.listening, false)
  line.unmute()
  await told.until(() => gaps.length === 2, 'the return')
  await notify(postgres.connection)
  await told.until(() => keys.length === 1, 'a key')
  line.mute()
  const began = performance.now()
  await changes.close()
  t.ok(performance.now() - began < 5_000)
})

async function connected(connection: Connection): Promise<pg.Client> {
  const client = new pg.Client(addressOf(connection))
  await client.connect()
  return client
}

async function notify(connection: Connection): Promise<void> {
  const client = await connected(connection)
  await client.query(`NOTIFY notification_templates, '["t1","tmpl_1"]'`)
  await client.end()
}

/** A way to the server on which everything can be held up, as by a firewall that drops packets. */
async function mutableLine(t: Test, connection: Connection) {
  if (connection.kind !== 'params') throw new Error('a server of our own is reached by parameters')
  const { host, port } = connection
  const sockets = new Set<Socket>()
  let muted = false
  const hold = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    if (muted) socket.pause()
  }
  const server = createServer((near) => {
    const far = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
    hold(near)
    hold(far)
    near.on('data', (data) => far.write(data))
    far.on('data', (data) => near.write(data))
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the line has no port')
  const all = (change: (socket: Socket) => void, mute: boolean) => () => {
    muted = mute
    for (const socket of sockets) change(socket)
  }
  return {
    connection: { ...connection, host: '127.0.0.1', port: address.port },
    mute: all((socket) => socket.pause(), true),
    unmute: all((socket) => socket.resume(), false),
  }
}
