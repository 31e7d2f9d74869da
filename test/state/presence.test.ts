import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { MemoryPresence } from '../../src/state/memory/presence.js'
import { MemoryRelay } from '../../src/state/memory/relay.js'
import type { RedisConnection } from '../../src/state/redis/connection.js'
import { RedisPresence } from '../../src/state/redis/presence.js'
import { RedisRelay } from '../../src/state/redis/relay.js'
import type { Presence, Relay, UserAddress } from '../../src/streams/ports.js'
import { silentLog } from '../support/postgres.js'
import { newPrefix, type RedisServer, startRedis, testConnection } from '../support/redis.js'

const server = await startRedis()
const cluster = await startRedis({ cluster: true })
t.teardown(() => Promise.all([server.stop(), cluster.stop()]))

const ann: UserAddress = { tenantId: 'acme', userId: 'ann' }
const bob: UserAddress = { tenantId: 'acme', userId: 'bob' }
const FIRST = { limit: 100, cursor: null }

/** An instance with sockets. */
class Instance {
  readonly presence: Presence
  readonly #relay: Relay

  constructor(relay: Relay, presence: Presence) {
    this.#relay = relay
    this.presence = presence
  }

  async come(...users: readonly UserAddress[]): Promise<void> {
    await Promise.all(users.map((user) => this.#relay.join(user)))
    await this.presence.present(users)
  }

  async go(...users: readonly UserAddress[]): Promise<void> {
    await Promise.all(users.map((user) => this.#relay.leave(user)))
    await this.presence.left(users)
  }

  async online(...users: readonly UserAddress[]): Promise<readonly boolean[]> {
    return this.presence.online(
      'acme',
      users.map(({ userId }) => userId),
    )
  }
}

t.test('memory', (t) =>
  contract(t, async () => {
    const relay = new MemoryRelay()
    relay.onFrame({ toUser: () => {}, toTenant: () => {}, interrupted: () => {} })
    return new Instance(relay, new MemoryPresence(relay))
  }),
)
for (const [name, redis] of Object.entries({ redis: server, 'redis cluster': cluster })) {
  t.test(name, (t) => contract(t, async (t) => (await redisInstance(t, redis)).instance))
}

async function redisInstance(
  t: Test,
  redis: RedisServer,
  prefix = newPrefix(),
): Promise<{ readonly instance: Instance; readonly connection: RedisConnection }> {
  const connection = await testConnection(t, redis, prefix)
  return {
    connection,
    instance: new Instance(new RedisRelay(connection, silentLog()), new RedisPresence(connection)),
  }
}

async function contract(t: Test, create: (t: Test) => Promise<Instance>) {
  t.test('somebody is online from coming to going', async (t) => {
    const instance = await create(t)
    t.same(await instance.presence.list('acme', FIRST), { userIds: [], nextCursor: null, count: 0 })
    await instance.come(ann)
    t.same(await instance.online(bob, ann, bob), [false, true, false])
    await instance.presence.present([ann])
    t.same(await instance.presence.list('acme', FIRST), { userIds: ['ann'], nextCursor: null, count: 1 })
    await instance.go(ann)
    t.same(await instance.online(ann), [false])
    t.same(await instance.presence.list('acme', FIRST), { userIds: [], nextCursor: null, count: 0 })
    await instance.presence.present([])
    t.same(await instance.presence.online('acme', []), [])
  })

  t.test('who goes and comes back at once is there', async (t) => {
    const instance = await create(t)
    await instance.come(ann)
    await Promise.all([instance.go(ann), instance.come(ann)])
    t.same(await instance.online(ann), [true])
    t.same((await instance.presence.list('acme', FIRST)).userIds, ['ann'])
  })

  t.test('tenants and ids that look alike are told apart', async (t) => {
    const instance = await create(t)
    const odd = ['a:b', 'a', 'ü 用户', '{x}', '%0041', '-', '+', '(a', '[a']
    await instance.come(...odd.map((userId) => ({ tenantId: 'acme', userId })), {
      tenantId: 'acme:a',
      userId: 'b',
    })
    t.same(await instance.presence.online('acme', [...odd, 'b', 'A']), [...odd.map(() => true), false, false])
    t.same(new Set((await instance.presence.list('acme', FIRST)).userIds), new Set(odd))
    t.match(await instance.presence.list('acme:a', FIRST), { userIds: ['b'], count: 1 })
    t.match(await instance.presence.list('nobody', FIRST), { userIds: [], count: 0 })
  })

  t.test('pages have everybody once, in order', async (t) => {
    const instance = await create(t)
    const ids = Array.from({ length: 250 }, (_, n) => `user-${String(n).padStart(3, '0')}`)
    await instance.come(...ids.map((userId) => ({ tenantId: 'acme', userId })).toReversed())
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<Presence['list']>> = await instance.presence.list('acme', {
        limit: 50,
        cursor,
      })
      t.equal(page.count, 250)
      seen.push(...page.userIds)
      cursor = page.nextCursor
    } while (cursor !== null)
    t.same(seen, ids)
    await t.rejects(instance.presence.list('acme', { limit: 1, cursor: 'nonsense' }), {
      code: 'validation_failed',
    })
  })
}

t.test('redis: who has devices on two instances goes with the last of them', async (t) => {
  const prefix = newPrefix()
  const { instance: here } = await redisInstance(t, server, prefix)
  const { instance: there } = await redisInstance(t, server, prefix)
  await here.come(ann)
  await there.come(ann, bob)
  t.same((await here.presence.list('acme', FIRST)).userIds, ['ann', 'bob'])
  await here.go(ann)
  t.same(await here.online(ann), [true])
  t.match(await here.presence.list('acme', FIRST), { userIds: ['ann', 'bob'], count: 2 })
  await there.go(ann)
  t.match(await here.presence.list('acme', FIRST), { userIds: ['bob'], count: 1 })
})

t.test('redis: going from one instance to another never looks like having gone', async (t) => {
  const prefix = newPrefix()
  const { instance: here } = await redisInstance(t, server, prefix)
  const { instance: there } = await redisInstance(t, server, prefix)
  await here.come(ann)
  for (let round = 0; round < 100; round += 1) {
    const [from, to] = round % 2 === 0 ? [here, there] : [there, here]
    await Promise.all([from.go(ann), to.come(ann)])
    const { userIds } = await from.presence.list('acme', FIRST)
    if (userIds[0] !== 'ann') t.fail(`gone in round ${round}`)
  }
  t.same(await here.online(ann), [true])
})

t.test('redis: the users of an instance that died are offline at once, and then forgotten', async (t) => {
  const prefix = newPrefix()
  const { instance: here } = await redisInstance(t, server, prefix)
  const { instance: dying, connection } = await redisInstance(t, server, prefix)
  await here.come(bob)
  await dying.come(ann, bob)
  await connection.close()
  t.same(await here.online(ann, bob), [false, true])
  t.match(await here.presence.list('acme', FIRST), { userIds: ['bob'], count: 1 })
})

t.test('redis: who is not told of any more is forgotten', async (t) => {
  const prefix = newPrefix()
  const { instance, connection } = await redisInstance(t, server, prefix)
  const redis = new Redis(server.url)
  t.teardown(() => redis.quit())
  await instance.come(ann)
  const [seen, users] = [connection.keys.presenceSeen('acme'), connection.keys.presenceUsers('acme')]
  const seconds = Number(await redis.zscore(seen, 'ann')) - Number((await redis.time())[0])
  t.ok(seconds > 85 && seconds <= 90)
  t.ok((await redis.ttl(seen)) <= 90, 'and so is a tenant without anybody')
  t.ok((await redis.ttl(users)) <= 90)
  const old = Array.from({ length: 1_500 }, (_, n) => `old-${n}`)
  await redis.zadd(seen, ...old.flatMap((id) => [1, id]))
  await redis.zadd(users, ...old.flatMap((id) => [0, id]))
  t.match(
    await instance.presence.list('acme', FIRST),
    { userIds: ['ann'], count: 1 },
    'expired ones do not count',
  )
  await instance.presence.list('acme', FIRST)
  t.equal(await redis.zcard(users), 1, 'a thousand are removed at a time')
  t.equal(await redis.zcard(seen), 1)
})

t.test('redis: while it is away nobody knows', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const { instance, connection } = await redisInstance(t, own)
  await instance.come(ann)
  await own.kill()
  const away = { code: 'store_unavailable', retryAfterMs: Number }
  await t.rejects(instance.online(ann), away)
  await t.rejects(instance.presence.list('acme', FIRST), away)
  await t.rejects(instance.presence.present([ann]))
  await own.restart()
  await connection.connected(AbortSignal.timeout(5_000))
  await t.rejects(instance.online(ann), away, 'nor while other instances may not be back')
  t.equal(await connection.settled(AbortSignal.timeout(10_000)), false)
  t.same(await instance.online(ann), [true])
  await instance.presence.present([ann])
  t.match(await instance.presence.list('acme', FIRST), { userIds: ['ann'], count: 1 })
  t.equal(await connection.settled(AbortSignal.timeout(0)), true)
})
