import fc from 'fast-check'
import t, { type Test } from 'tap'
import { MemoryPacer } from '../../src/state/memory/pacer.js'
import { Keys } from '../../src/state/redis/keys.js'
import { RedisPacer } from '../../src/state/redis/pacer.js'
import type { PaceKey, Pacer } from '../../src/streams/ports.js'
import { newPrefix, startRedis, testConnection } from '../support/redis.js'

const MINUTE = 60_000
/** Half past a minute. */
const NOW = 30_000_000 * MINUTE + MINUTE / 2
const NEXT = NOW + MINUTE / 2

const server = await startRedis()
const cluster = await startRedis({ cluster: true })
t.teardown(() => Promise.all([server.stop(), cluster.stop()]))

t.test('memory', (t) => contract(t, () => new MemoryPacer()))

for (const [name, redis] of Object.entries({ redis: server, 'redis cluster': cluster })) {
  t.test(name, async (t) => {
    const connection = await testConnection(t, redis)
    await contract(t, () => new RedisPacer({ ...connection, keys: new Keys(newPrefix()) }))
  })
}

async function contract(t: Test, create: () => Pacer) {
  t.test('a minute has so many places at once, the next ones are spread evenly', async (t) => {
    const pacer = create()
    const times = await pacer.reserve(many('a', 8), 3, NOW)
    t.same(times.slice(0, 3), [NOW, NOW, NOW])
    t.same(
      times.slice(3),
      [0, 20_000, 40_000, 60_000, 80_000].map((after) => NEXT + after),
    )
  })

  t.test('what was taken before counts, also by another call', async (t) => {
    const pacer = create()
    t.same(await pacer.reserve(many('a', 2), 3, NOW), [NOW, NOW])
    t.same(await pacer.reserve(many('a', 2), 3, NOW + 1), [NOW + 1, NEXT])
    t.same(await pacer.reserve(many('a', 1), 3, NEXT), [NEXT], 'a place of the minute that runs is free')
  })

  t.test('places that nobody took are not saved up', async (t) => {
    const pacer = create()
    await pacer.reserve(many('a', 1), 2, NOW)
    const later = NOW + 10 * MINUTE
    t.same(await pacer.reserve(many('a', 3), 2, later), [later, later, NEXT + 10 * MINUTE])
  })

  t.test('targets, tenants and paces do not share places', async (t) => {
    const pacer = create()
    const keys = [key('a'), key('b'), key('a', 'other'), key('a'), key('b')]
    t.same(await pacer.reserve(keys, 1, NOW), [NOW, NOW, NOW, NEXT, NEXT])
    t.same(await pacer.reserve([key('a')], 5, NOW), [NOW])
    t.same(await pacer.reserve([], 1, NOW), [])
  })

  t.test('many at once take different places', async (t) => {
    const pacer = create()
    const calls = Array.from({ length: 20 }, () => pacer.reserve(many('a', 5), 10, NOW))
    const times = (await Promise.all(calls)).flat()
    t.equal(times.filter((time) => time === NOW).length, 10)
    t.equal(new Set(times.filter((time) => time > NOW)).size, 90)
  })

  t.test('no minute has more than its places, and nobody waits without need', async () => {
    const step = fc.record({
      targets: fc.array(fc.constantFrom('a', 'b'), { maxLength: 9 }),
      later: fc.constantFrom(0, 0, 1, MINUTE / 3, MINUTE, 5 * MINUTE),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 8 }),
        async (pace, steps) => {
          const pacer = create()
          const counts = new Map<string, number>()
          let now = NOW
          for (const { targets, later } of steps) {
            now += later
            const times = await pacer.reserve(
              targets.map((target) => key(target)),
              pace,
              now,
            )
            for (const [n, time] of times.entries()) {
              const minuteOf = (at: number) => `${targets[n]} ${Math.floor(at / MINUTE)}`
              const taken = (counts.get(minuteOf(time)) ?? 0) + 1
              counts.set(minuteOf(time), taken)
              if (time < now || taken > pace) throw new Error(`${time} is too early`)
              if (time > now && (counts.get(minuteOf(now)) ?? 0) < pace)
                throw new Error(`${time} is too late`)
            }
          }
        },
      ),
      { numRuns: 60 },
    )
  })
}

function key(target: string, tenantId = 't'): PaceKey {
  return { tenantId, target }
}

function many(target: string, count: number): PaceKey[] {
  return Array.from({ length: count }, () => key(target))
}

t.test('redis: what is kept ends by itself, and names no target', async (t) => {
  const connection = await testConnection(t, server)
  await new RedisPacer(connection).reserve(many('https://hooks.example.org/?token=hidden', 5), 2, NOW)
  const name = connection.keys.pace(key('https://hooks.example.org/?token=hidden'), 2)
  const ttl = await connection.run((redis) => redis.ttl(name))
  t.ok(ttl > 120 && ttl <= 300, `${ttl} s`)
  t.notMatch(name, /hidden|example/)
})

t.test('redis: rejects when Redis is away', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const pacer = new RedisPacer(await testConnection(t, own))
  await own.kill()
  await t.rejects(pacer.reserve([key('a')], 1, NOW))
})
