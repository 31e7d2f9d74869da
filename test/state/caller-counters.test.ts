import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { CallerCounters } from '../../src/api/ports.js'
import { MemoryCallerCounters } from '../../src/state/memory/caller-counters.js'
import { RedisCallerCounters } from '../../src/state/redis/caller-counters.js'
import { Keys } from '../../src/state/redis/keys.js'
import { newPrefix, startRedis, testConnection } from '../support/redis.js'

const ANN = { tenantId: 't', userId: 'ann' }
const BOB = { tenantId: 't', userId: 'bob' }
const SECOND = 1_000

const server = await startRedis()
const cluster = await startRedis({ cluster: true })
t.teardown(() => Promise.all([server.stop(), cluster.stop()]))

const none: CallerCounters = { count: async () => Promise.reject(new Error('Redis was not asked')) }

t.test('memory', (t) => contract(t, (windowS) => new MemoryCallerCounters({ windowMs: windowS * SECOND })))

for (const [name, redis] of Object.entries({ redis: server, 'redis cluster': cluster })) {
  t.test(name, async (t) => {
    const connection = await testConnection(t, redis)
    await contract(t, (windowS) => {
      const own = { ...connection, keys: new Keys(newPrefix()) }
      return new RedisCallerCounters(own, none, { windowS })
    })
  })
}

async function contract(t: Test, create: (windowS: number) => CallerCounters) {
  t.test('counts the requests of each caller in a window that the first one begins', async (t) => {
    const counters = create(60)
    const first = await counters.count(ANN)
    t.equal(first.count, 1)
    t.ok(first.resetMs > 59 * SECOND && first.resetMs <= 60 * SECOND, `${first.resetMs} ms`)
    const counts = await Promise.all(Array.from({ length: 20 }, () => counters.count(ANN)))
    t.same(
      counts.map(({ count }) => count).sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, n) => n + 2),
    )
    t.match(await counters.count(BOB), { count: 1 })
    t.match(await counters.count({ tenantId: 't:ann', userId: '' }), { count: 1 })
    t.match(await counters.count({ tenantId: '', userId: 't:ann' }), { count: 1 })
  })

  t.test('the next window begins anew', async (t) => {
    const counters = create(1)
    await counters.count(ANN)
    const { count, resetMs } = await counters.count(ANN)
    t.equal(count, 2)
    await delay(resetMs + 5)
    t.match(await counters.count(ANN), { count: 1 })
  })
}

t.test('redis: instances count together', async (t) => {
  const connection = await testConnection(t, server)
  const instances = [1, 2].map(() => new RedisCallerCounters(connection, none))
  for (const instance of instances) await instance.count(BOB)
  t.match(await instances[0]?.count(BOB), { count: 3 })
})

t.test('redis: while it is away each instance counts by itself', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const counters = new RedisCallerCounters(await testConnection(t, own), new MemoryCallerCounters())
  t.match(await counters.count(ANN), { count: 1 })
  t.match(await counters.count(ANN), { count: 2 })
  await own.kill()
  t.match(await counters.count(ANN), { count: 1 })
  t.match(await counters.count(ANN), { count: 2 })
})

t.test('memory: above the greatest number of callers the one longest idle is forgotten', async (t) => {
  const counters = new MemoryCallerCounters({ maxCallers: 1 })
  await counters.count(ANN)
  await counters.count(BOB)
  t.match(await counters.count(ANN), { count: 1 })
})
