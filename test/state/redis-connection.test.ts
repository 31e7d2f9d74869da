import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { connectRedis, type RedisConnection } from '../../src/state/redis/connection.js'
import { RedisQueue } from '../../src/state/redis/queue.js'
import { createLog, type Log } from '../../src/telemetry/log.js'
import { startRedis, testConnection } from '../support/redis.js'

const PATIENCE_MS = 10_000
/** A command may wait behind another one, each for half a second; the rest is for a busy machine. */
const DEADLINE_MS = 2_000

t.test(
  'a server that dies: calls reject soon, it is told once, and all is well when it is back',
  async (t) => {
    const server = await startRedis()
    t.teardown(() => server.stop())
    const { log, events } = recorder()
    const connection = connectRedis({ address: server.url }, log)
    t.teardown(() => connection.close())
    await connection.connected(AbortSignal.timeout(PATIENCE_MS))
    for (const _ of [1, 2]) {
      await server.kill()
      for (let n = 0; n < 20; n += 1) await rejectsWithin(DEADLINE_MS, connection)
      await server.restart()
      await connection.connected(AbortSignal.timeout(PATIENCE_MS))
      await connection.ping()
    }
    const outage = ['redis.connection_lost', 'redis.connected']
    t.same(events(), ['redis.connected', ...outage, ...outage])
  },
)

t.test(
  'a server that hangs: calls reject by the deadline, then at once, until it answers again',
  async (t) => {
    const server = await startRedis()
    t.teardown(() => server.stop())
    const { log, events } = recorder()
    const connection = connectRedis({ address: server.url }, log)
    t.teardown(() => connection.close())
    await connection.connected(AbortSignal.timeout(PATIENCE_MS))
    server.pause()
    await Promise.all(Array.from({ length: 10 }, () => rejectsWithin(DEADLINE_MS, connection)))
    const begun = performance.now()
    for (let n = 0; n < 50; n += 1) await rejectsWithin(DEADLINE_MS, connection)
    const took = performance.now() - begun
    t.ok(took < 400, `50 calls were refused in ${took} ms`)
    server.resume()
    await connection.connected(AbortSignal.timeout(PATIENCE_MS))
    await connection.ping()
    t.same(events(), ['redis.connected', 'redis.connection_lost', 'redis.connected'])
  },
)

t.test('a peer that accepts and never answers is no Redis, and close does not wait for it', async (t) => {
  const peer = createServer().listen(0, '127.0.0.1')
  await once(peer, 'listening')
  t.teardown(() => peer.close())
  const address = peer.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const connection = connectRedis({ address: `127.0.0.1:${address.port}` }, createLog('silent'))
  await once(peer, 'connection')
  await rejectsWithin(DEADLINE_MS, connection)
  await t.rejects(connection.connected(AbortSignal.timeout(50)))
  const begun = performance.now()
  await connection.close()
  t.ok(performance.now() - begun < DEADLINE_MS)
})

t.test('it begins without a server and connects when there is one', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  await server.kill()
  const connection = connectRedis({ address: server.url }, createLog('silent'))
  t.teardown(() => connection.close())
  const queue = new RedisQueue(connection)
  await queue.open()
  await rejectsWithin(DEADLINE_MS, connection)
  await server.restart()
  await connection.connected(AbortSignal.timeout(PATIENCE_MS))
  const other = new RedisQueue(await testConnection(t, server, 'notif'))
  const heard = new Promise((resolve) => queue.onReady(resolve))
  await other.push([{ id: 'n1', channel: 'email', priority: 'low', tenantId: 'acme' }])
  t.equal(await heard, 'email')
})

t.test('an error that Redis answers is no outage', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const connection = await testConnection(t, server)
  await connection.run((redis) => redis.set('text', 'x'))
  for (let n = 0; n < 10; n += 1) await t.rejects(connection.run((redis) => redis.incr('text')))
  await connection.ping()
})

t.test('out of memory: what writes is refused, and is taken again when there is room', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const connection = await testConnection(t, server)
  const queue = new RedisQueue(connection)
  const entry = { id: 'n1', channel: 'email', priority: 'low', tenantId: 'acme' } as const
  await connection.run((redis) => redis.config('SET', 'maxmemory', '1'))
  await t.rejects(queue.push([entry]), { message: /OOM/ })
  await connection.run((redis) => redis.config('SET', 'maxmemory', '0'))
  await queue.push([entry])
  t.same(await queue.take('email', 1), ['n1'])
})

t.test('user, password and database come from the options or from the address', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const admin = await testConnection(t, server)
  await admin.run((redis) => redis.acl('SETUSER', 'svc', 'on', '>s3/cret', '~*', '&*', '+@all'))
  await admin.run((redis) => redis.acl('SETUSER', 'default', 'resetpass'))
  const { host } = new URL(server.url)
  const ways = [
    { address: host, username: 'svc', password: 's3/cret', db: 3 },
    { address: `redis://svc:s3%2Fcret@${host}/3` },
  ]
  for (const way of ways) {
    const connection = connectRedis(way, createLog('silent'))
    t.teardown(() => connection.close())
    await connection.connected(AbortSignal.timeout(PATIENCE_MS))
    t.match(await connection.run((redis) => redis.client('INFO')), /db=3 .*user=svc/s)
  }
})

t.test('neither a wrong password nor what a command carried is written to the log', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const lines: string[] = []
  const logged = new EventEmitter()
  const log = createLog('debug', {
    write: (line) => {
      lines.push(line)
      logged.emit('line')
    },
  })
  const connection = await testConnection(t, server)
  await connection.run((redis) => redis.set('text', 'x'))
  try {
    await connection.run((redis) => redis.zadd('text', 1, 'salary-of-ann'))
  } catch (err) {
    log.event('queue.unavailable', { err })
  }
  await connection.run((redis) => redis.acl('SETUSER', 'default', 'resetpass', '>right'))
  const refused = once(logged, 'line')
  const stranger = connectRedis({ address: server.url, password: 'hunter2' }, log)
  t.teardown(() => stranger.close())
  await refused
  t.match(lines[0], /WRONGTYPE/)
  t.match(lines[1], /WRONGPASS/)
  t.notMatch(lines.join(), /salary|hunter2/)
})

async function rejectsWithin(deadlineMs: number, connection: RedisConnection): Promise<void> {
  const begun = performance.now()
  try {
    await connection.ping()
  } catch {
    const took = performance.now() - begun
    if (took > deadlineMs) throw new Error(`it took ${took} ms`)
    return
  }
  throw new Error('it answered')
}

/** The names of what was logged. */
function recorder(): { readonly log: Log; events(): readonly unknown[] } {
  const lines: string[] = []
  return {
    log: createLog('debug', { write: (line) => void lines.push(line) }),
    events: () => lines.map((line) => JSON.parse(line).event),
  }
}
