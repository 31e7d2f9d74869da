import t, { type Test } from 'tap'
import { TenantBroadcaster } from '../../src/sinks/websocket/announcements.js'
import type { ReplayStore } from '../../src/sinks/websocket/replay.js'
import { WebSocketSink } from '../../src/sinks/websocket/sink.js'
import type { RedisConnection } from '../../src/state/redis/connection.js'
import { RedisPresence } from '../../src/state/redis/presence.js'
import { RedisRelay } from '../../src/state/redis/relay.js'
import { aNotification } from '../support/notification.js'
import { silentLog } from '../support/postgres.js'
import { newPrefix, type RedisServer, startRedis, testConnection } from '../support/redis.js'
import { eventually } from '../support/waiting.js'
import { type Client, connect, NOTHING_MISSED, openStand, type Stand } from './websocket-stand.js'

const redis = await startRedis()
t.teardown(() => redis.stop())

const ann = { tenantId: 'acme', userId: 'ann' }
const clock = { now: () => Date.now() }
const patient = () => AbortSignal.timeout(10_000)
const frame = (n: number) => ({ data: JSON.stringify({ n }), critical: false })

interface Instance extends Stand {
  readonly connection: RedisConnection
  readonly presence: RedisPresence
  readonly sink: WebSocketSink
}

/** A gateway and a hub over the Redis that all of them share. */
async function instance(
  t: Test,
  {
    server = redis,
    prefix,
    missed = NOTHING_MISSED,
  }: { server?: RedisServer; prefix: string; missed?: ReplayStore },
): Promise<Instance> {
  const connection = await testConnection(t, server, prefix)
  const relay = new RedisRelay(connection, silentLog())
  await relay.open()
  const presence = new RedisPresence(connection)
  const stand = await openStand(t, { relay, presence, missed })
  return { ...stand, connection, presence, sink: new WebSocketSink(relay, clock) }
}

async function pair(t: Test): Promise<readonly [Instance, Instance]> {
  const prefix = newPrefix()
  return [await instance(t, { prefix }), await instance(t, { prefix })]
}

async function next(...clients: readonly Client[]) {
  return Promise.all(clients.map((client) => client.next()))
}

const online = async ({ presence }: Instance): Promise<readonly string[]> =>
  (await presence.list('acme', { limit: 100, cursor: null })).userIds

t.test(
  'a notification reaches every device, wherever it is connected and wherever it was sent',
  async (t) => {
    const [here, there] = await pair(t)
    const devices = [
      await connect(t, here, 'acme/ann'),
      await connect(t, there, 'acme/ann'),
      await connect(t, there, 'acme/ann'),
    ]
    const bob = await connect(t, there, 'acme/bob')
    for (const { sink } of [here, there]) {
      const notification = aNotification({ ...ann, channel: 'websocket' })
      await sink.send(notification, patient())
      for (const got of await next(...devices)) t.match(got, { type: 'notification', id: notification.id })
    }
    await here.sink.send(aNotification({ ...ann, userId: 'bob' }), patient())
    t.match(await bob.next(), { type: 'notification' })
    t.ok(devices.every(({ unread }) => unread.length === 0))
    await t.rejects(here.sink.send(aNotification({ ...ann, userId: 'carl' }), patient()), { code: 'offline' })
  },
)

t.test('every device gets what both instances send in the order of its sender', async (t) => {
  const [here, there] = await pair(t)
  const devices = [await connect(t, here, 'acme/ann'), await connect(t, there, 'acme/ann')]
  await Promise.all(Array.from({ length: 200 }, (_, n) => (n % 2 ? here : there).relay.toUser(ann, frame(n))))
  for (const device of devices) {
    const got: number[] = []
    while (got.length < 200) got.push(Number((await device.next()).n))
    for (const rest of [0, 1]) {
      const own = got.filter((n) => n % 2 === rest)
      t.same(
        own,
        own.toSorted((a, b) => a - b),
      )
    }
  }
})

t.test('a broadcast reaches every socket of the tenant once, in every instance', async (t) => {
  const [here, there] = await pair(t)
  const clients = [
    await connect(t, here, 'acme/ann'),
    await connect(t, there, 'acme/ann'),
    await connect(t, there, 'acme/bob'),
  ]
  const stranger = await connect(t, there, 'globex/ann')
  const broadcaster = new TenantBroadcaster(here.relay, clock)
  await broadcaster.broadcast('acme', { title: 'T', content: 'C', priority: 'low', metadata: {} })
  await there.relay.toTenant('acme', frame(1))
  await there.relay.toTenant('globex', frame(2))
  const ids = (await next(...clients)).map(({ id }) => id)
  t.match(ids[0], /^broadcast_/)
  t.equal(new Set(ids).size, 1)
  t.same(await next(...clients), [{ n: 1 }, { n: 1 }, { n: 1 }])
  t.same(await stranger.next(), { n: 2 })
})

t.test('an instance that leaves takes its own devices with it and no others', async (t) => {
  const [here, there] = await pair(t)
  const leaving = [await connect(t, here, 'acme/ann'), await connect(t, here, 'acme/bob')]
  const staying = await connect(t, there, 'acme/ann')
  await eventually(async () => (await online(there)).length === 2, 'both to be online')
  await here.hub.close()
  for (const { closed } of leaving) t.match(await closed, { code: 1001 })
  t.same(await there.presence.online('acme', ['ann', 'bob']), [true, false])
  const { keys, run } = there.connection
  t.equal(await run((server) => server.zcard(keys.presenceUsers('acme'))), 1, 'told before it was gone')
  t.same(await online(there), ['ann'])
  await there.sink.send(aNotification(ann), patient())
  t.match(await staying.next(), { type: 'notification' })
  await t.rejects(there.sink.send(aNotification({ ...ann, userId: 'bob' }), patient()), { code: 'offline' })
})

t.test('presence follows the sockets of both', async (t) => {
  const [here, there] = await pair(t)
  const first = await connect(t, here, 'acme/ann')
  const second = await connect(t, there, 'acme/ann')
  await eventually(async () => (await online(here)).length === 1, 'her to be online')
  for (const [device, left, stays] of [
    [first, here, true],
    [second, there, false],
  ] as const) {
    const gone = left.log.next('websocket.disconnected')
    device.ws.close()
    await gone
    if (stays) t.same(await here.presence.online('acme', ['ann']), [true])
    else await eventually(async () => (await online(here)).length === 0, 'her to be offline')
  }
})

t.test('Redis is restarted', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const prefix = newPrefix()
  const shown = {
    id: 'missed',
    title: 'T',
    content: 'C',
    priority: 'low',
    metadata: {},
    shownAt: 0,
    isRead: false,
  } as const
  const missed = { ...NOTHING_MISSED, since: async () => ['missed'], read: async () => [shown] }
  const here = await instance(t, { server, prefix })
  const there = await instance(t, { server, prefix, missed })
  const [before, remaining] = [await connect(t, here, 'acme/ann'), await connect(t, there, 'acme/ann')]
  await server.kill()
  await t.rejects(here.sink.send(aNotification(ann), patient()), { code: 'unavailable' })
  // They are welcomed, because nobody knows for how long it is away.
  const during = await connect(t, there, 'acme/bob')
  await server.restart()
  await here.connection.connected(patient())
  const send = (userId: string) => here.sink.send(aNotification({ ...ann, userId }), patient())
  // The one that is back first does not take those of the other for offline.
  const sent = [send('ann'), send('bob'), send('carl'), t.rejects(send('dora'), { code: 'offline' })]
  const carl = await connect(t, there, 'acme/carl')
  await Promise.all(sent)
  t.match(await carl.next(), { type: 'notification' })
  t.ok(await got(during, 'notification'))
  t.match(await got(remaining, 'resumed'), { count: 1 }, 'what came meanwhile is replayed')
  t.ok(await got(before, 'notification'))
  await eventually(async () => (await online(here)).length === 3, 'presence to be told anew')
})

/** The next frame of that type. */
async function got(client: Client, type: string) {
  for (;;) {
    const frame = await client.next()
    if (frame.type === type) return frame
  }
}
