import fc from 'fast-check'
import t, { type Test } from 'tap'
import { MemoryRateCounters } from '../../src/state/memory/rate-counters.js'
import { Keys } from '../../src/state/redis/keys.js'
import { RedisRateCounters } from '../../src/state/redis/rate-counters.js'
import type { RateCounters, RateKey } from '../../src/streams/ports.js'
import { newPrefix, startRedis, testConnection } from '../support/redis.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOON = 20_000 * DAY + 12 * HOUR

const server = await startRedis()
const cluster = await startRedis({ cluster: true })
t.teardown(() => Promise.all([server.stop(), cluster.stop()]))

t.test('memory', (t) => contract(t, () => new MemoryRateCounters(1_000)))

for (const [name, redis] of Object.entries({ redis: server, 'redis cluster': cluster })) {
  t.test(name, async (t) => {
    const connection = await testConnection(t, redis)
    await contract(t, () => new RedisRateCounters({ ...connection, keys: new Keys(newPrefix()) }))
  })
}

async function contract(t: Test, create: () => RateCounters) {
  t.test('a batch is granted in order up to the limit of the hour, over all channels', async (t) => {
    const counters = create()
    const limits = { perHour: 3, perDay: 100 }
    const batch = [key('ann'), key('bob'), key('ann', 'email'), key('ann'), key('ann', 'in_app')]
    t.same(await counters.take(batch, limits, NOON), [true, true, true, true, false])
    t.same(await counters.take([key('ann'), key('bob')], limits, NOON + 1), [false, true])
  })

  t.test('the next clock hour begins anew, the day goes on', async (t) => {
    const counters = create()
    const limits = { perHour: 2, perDay: 3 }
    const twice = [key('ann'), key('ann')]
    t.same(await counters.take(twice, limits, NOON + HOUR - 1), [true, true])
    t.same(await counters.take(twice, limits, NOON + HOUR), [true, false])
    t.same(await counters.take(twice, limits, NOON + 2 * HOUR), [false, false])
    t.same(await counters.take(twice, limits, NOON + 12 * HOUR - 1), [false, false])
    t.same(await counters.take(twice, limits, NOON + 12 * HOUR), [true, true])
  })

  t.test('what one window refuses is not counted in the other', async (t) => {
    const counters = create()
    t.same(await counters.take([key('ann')], { perHour: 0, perDay: 1 }, NOON), [false])
    t.same(await counters.take([key('ann')], { perHour: 1, perDay: 0 }, NOON), [false])
    t.same(await counters.take([key('ann')], { perHour: 1, perDay: 1 }, NOON), [true])
  })

  t.test('users are told apart by tenant and id, whatever these contain', async (t) => {
    const counters = create()
    const names = ['a', 'a:b', '{a}', '}{', ':', '%003a', 'ü', '\ud800', '\udfff', '']
    const users = names.flatMap((tenantId) =>
      names.map((userId) => ({ tenantId, userId, channel: 'email' as const })),
    )
    const granted = await counters.take(users, { perHour: 1, perDay: 1 }, NOON)
    t.equal(granted.filter(Boolean).length, users.length)
    t.same(await counters.take([], { perHour: 1, perDay: 1 }, NOON), [])
  })

  t.test('many at once are granted the limit together', async (t) => {
    const counters = create()
    const calls = Array.from({ length: 20 }, () =>
      counters.take(
        Array.from({ length: 10 }, () => key('ann')),
        { perHour: 73, perDay: 500 },
        NOON,
      ),
    )
    t.equal((await Promise.all(calls)).flat().filter(Boolean).length, 73)
  })

  t.test('it does what counting by hand would do', async () => {
    const batch = fc.record({
      users: fc.array(fc.constantFrom('ann', 'bob', 'eve'), { maxLength: 8 }),
      later: fc.constantFrom(0, 0, HOUR / 2, HOUR, DAY),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 12 }), async (batches) => {
        const counters = create()
        const sent: { readonly user: string; readonly at: number }[] = []
        let now = NOON
        for (const { users, later } of batches) {
          now += later
          const within = (user: string, window: number) =>
            sent.filter(
              (each) => each.user === user && Math.floor(each.at / window) === Math.floor(now / window),
            )
          const wanted = users.map((user) => {
            const grant = within(user, HOUR).length < 4 && within(user, DAY).length < 7
            if (grant) sent.push({ user, at: now })
            return grant
          })
          const found = await counters.take(
            users.map((user) => key(user)),
            { perHour: 4, perDay: 7 },
            now,
          )
          if (`${found}` !== `${wanted}`) throw new Error(`found ${found}, wanted ${wanted}`)
        }
      }),
      { numRuns: 100 },
    )
  })
}

function key(userId: string, channel: RateKey['channel'] = 'websocket'): RateKey {
  return { tenantId: 't', userId, channel }
}

t.test('redis: a window ends by itself', async (t) => {
  const connection = await testConnection(t, server)
  await new RedisRateCounters(connection).take([key('ann'), key('ann')], { perHour: 9, perDay: 9 }, NOON)
  const user = { tenantId: 't', userId: 'ann' }
  const ttls = await connection.run((redis) =>
    Promise.all([
      redis.ttl(connection.keys.hourly(user, NOON / HOUR)),
      redis.ttl(connection.keys.daily(user, Math.floor(NOON / DAY))),
    ]),
  )
  t.ok(ttls[0] > 3600 && ttls[0] <= 3900, `${ttls[0]} s`)
  t.ok(ttls[1] > 86400 && ttls[1] <= 86700, `${ttls[1]} s`)
})

t.test('redis: rejects when Redis is away', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const counters = new RedisRateCounters(await testConnection(t, own))
  await own.kill()
  await t.rejects(counters.take([key('ann')], { perHour: 1, perDay: 1 }, NOON))
})

t.test('memory: above the greatest number of users the one longest idle is forgotten', async (t) => {
  const counters = new MemoryRateCounters(2)
  const once = { perHour: 1, perDay: 1 }
  await counters.take([key('ann'), key('bob'), key('ann')], once, NOON)
  await counters.take([key('eve')], once, NOON)
  t.same(await counters.take([key('ann'), key('bob')], once, NOON), [false, true])
})

t.test('memory: a clock that steps back over midnight begins neither window anew', async (t) => {
  const counters = new MemoryRateCounters()
  const midnight = NOON + 12 * HOUR
  t.same(await counters.take([key('ann')], { perHour: 1, perDay: 9 }, midnight), [true])
  t.same(await counters.take([key('ann')], { perHour: 1, perDay: 9 }, midnight - 1), [false])
  t.same(await counters.take([key('ann')], { perHour: 9, perDay: 1 }, midnight - 1), [false])
})
