import fc from 'fast-check'
import t, { type Test } from 'tap'
import { MemoryUnreadCounts } from '../../src/state/memory/unread-counts.js'
import { Keys } from '../../src/state/redis/keys.js'
import { RedisUnreadCounts } from '../../src/state/redis/unread-counts.js'
import type { UnreadCounts } from '../../src/streams/ports.js'
import { createLog } from '../../src/telemetry/log.js'
import { newPrefix, startRedis, testConnection } from '../support/redis.js'

const server = await startRedis()
const cluster = await startRedis({ cluster: true })
t.teardown(() => Promise.all([server.stop(), cluster.stop()]))

const ANN = { tenantId: 't', userId: 'ann' }
const BOB = { tenantId: 't', userId: 'bob' }
const LOG = createLog('silent')
const never = async (): Promise<number> => {
  throw new Error('the count should have been known')
}

interface Options {
  readonly ttlMs?: number
  readonly settleMs?: number
}

t.test('memory', (t) => contract(t, (options) => new MemoryUnreadCounts({ ...options, maxUsers: 100 })))

for (const [name, redis] of Object.entries({ redis: server, 'redis cluster': cluster })) {
  t.test(name, async (t) => {
    const connection = await testConnection(t, redis)
    await contract(
      t,
      (options) => new RedisUnreadCounts({ ...connection, keys: new Keys(newPrefix()) }, LOG, options),
    )
  })
}

async function contract(t: Test, create: (options?: Options) => UnreadCounts) {
  t.test('a count is loaded once and then follows the changes', async (t) => {
    const counts = create({ settleMs: 0 })
    t.same(await counts.add([{ ...ANN, delta: 1 }]), [null])
    t.equal(await counts.read(ANN, async () => 3), 3)
    t.equal(await counts.read(ANN, never), 3)
    const changes = [
      { ...ANN, delta: 2 },
      { ...BOB, delta: 1 },
      { ...ANN, delta: -1 },
    ]
    t.same(await counts.add(changes), [5, null, 4])
    t.equal(await counts.read(ANN, never), 4)
    t.same(await counts.add([]), [])
  })

  t.test('a count that would be negative is wrong, and is loaded again', async (t) => {
    const counts = create({ settleMs: 0 })
    await counts.read(ANN, async () => 1)
    t.same(await counts.add([{ ...ANN, delta: -2 }]), [null])
    t.equal(await counts.read(ANN, async () => 7), 7)
  })

  t.test('a change just after a load makes the count unknown: the load may have seen it', async (t) => {
    const counts = create({ settleMs: 5_000 })
    await counts.read(ANN, async () => 1)
    t.same(await counts.add([{ ...ANN, delta: 1 }]), [null])
    t.equal(await counts.read(ANN, async () => 1), 1)
  })

  t.test('a load that a change overtook is not kept', async (t) => {
    const counts = create({ settleMs: 0 })
    const found = await counts.read(ANN, async () => {
      await counts.add([{ ...ANN, delta: 1 }])
      return 0
    })
    t.equal(found, 0)
    t.equal(await counts.read(ANN, async () => 1), 1)
    t.equal(await counts.read(ANN, never), 1)
  })

  t.test('a count is forgotten in time, and changes do not prolong it', async (t) => {
    const counts = create({ ttlMs: 40, settleMs: 0 })
    const begun = performance.now()
    await counts.read(ANN, async () => 0)
    let known: number | null = 0
    while (known !== null && performance.now() - begun < 5_000) {
      known = (await counts.add([{ ...ANN, delta: 1 }]))[0] ?? null
      // Lets timers and input have their turn.
      await new Promise(setImmediate)
    }
    t.equal(known, null)
    t.ok(performance.now() - begun >= 39)
    t.equal(await counts.read(ANN, async () => 5), 5)
  })

  t.test('a load that fails is no count', async (t) => {
    const counts = create()
    await t.rejects(
      counts.read(ANN, () => Promise.reject(new Error('no database'))),
      { message: 'no database' },
    )
    t.equal(await counts.read(ANN, async () => 2), 2)
    t.equal(await counts.read(ANN, never), 2)
  })

  t.test('users are told apart by tenant', async (t) => {
    const counts = create()
    t.equal(await counts.read({ tenantId: 'a', userId: 'b:c' }, async () => 1), 1)
    t.equal(await counts.read({ tenantId: 'a:b', userId: 'c' }, async () => 2), 2)
    t.equal(await counts.read({ tenantId: 'a', userId: 'b:c' }, never), 1)
  })

  t.test('however commits, changes and loads interleave, it ends equal to the ledger', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), (steps) => play(create(), steps, true)),
      { numRuns: 100 },
    )
  })

  t.test('so it does when counts are kept at once, if a change follows its commit at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), (steps) =>
        play(create({ settleMs: 0 }), steps, false),
      ),
      { numRuns: 100 },
    )
  })
}

type Step =
  | { readonly kind: 'commit'; readonly delta: number }
  | { readonly kind: 'change' | 'read' | 'load' | 'finish' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('commit' as const), delta: fc.constantFrom(1, 1, 2, -1) }),
  fc.record({ kind: fc.constantFrom('change' as const, 'read', 'load', 'finish') }),
)

/** A read whose load waits to be told when to look at the ledger and when to return. */
interface Reading {
  readonly result: Promise<number>
  look(): void
  finish(): void
}

/** @param late whether changes wait for a step of their own after their commit */
async function play(counts: UnreadCounts, steps: readonly Step[], late: boolean): Promise<void> {
  let ledger = 0
  const untold: number[] = []
  const before: Reading[] = []
  const looked: Reading[] = []
  const tell = async () => {
    const delta = untold.shift()
    if (delta !== undefined) await counts.add([{ ...ANN, delta }])
  }
  const look = () => {
    const reading = before.shift()
    reading?.look()
    if (reading !== undefined) looked.push(reading)
  }
  const finish = async () => {
    const reading = looked.shift()
    reading?.finish()
    await reading?.result
  }
  for (const { kind, ...rest } of steps) {
    if (kind === 'commit' && 'delta' in rest && ledger + rest.delta >= 0) {
      ledger += rest.delta
      untold.push(rest.delta)
      if (!late) await tell()
    }
    if (kind === 'change') await tell()
    if (kind === 'load') look()
    if (kind === 'finish') await finish()
    if (kind === 'read') {
      const reading = await begin(counts, () => ledger)
      if (reading !== null) before.push(reading)
    }
  }
  while (before.length > 0) look()
  while (looked.length > 0) await finish()
  while (untold.length > 0) await tell()
  const found = await counts.read(ANN, async () => ledger)
  if (found !== ledger) throw new Error(`found ${found}, the ledger has ${ledger}`)
}

/** Resolves when the load has begun, or to null when none was needed. */
async function begin(counts: UnreadCounts, ledger: () => number): Promise<Reading | null> {
  let value = 0
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  let loading = () => {}
  const begun = new Promise<null>((resolve) => {
    loading = () => resolve(null)
  })
  const result = counts.read(ANN, async () => {
    loading()
    await finished
    return value
  })
  if ((await Promise.race([begun, result])) !== null) return null
  const look = () => {
    value = ledger()
  }
  return { result, look, finish }
}

t.test('memory: no more counts are kept than there is room for', async (t) => {
  const counts = new MemoryUnreadCounts({ maxUsers: 1 })
  await counts.read(ANN, async () => 1)
  await counts.read(BOB, async () => 2)
  t.equal(await counts.read(BOB, never), 2)
  t.equal(await counts.read(ANN, async () => 3), 3)
})

t.test('redis: a count lives for a minute', async (t) => {
  const connection = await testConnection(t, server)
  await new RedisUnreadCounts(connection, LOG).read(ANN, async () => 1)
  const ttl = await connection.run((redis) => redis.pttl(connection.keys.unreadCount(ANN)))
  t.ok(ttl > 55_000 && ttl <= 60_000, `${ttl} ms`)
})

t.test('redis: what changed while Redis hung is not believed when it answers again', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const lines: string[] = []
  const log = createLog('warn', { write: (line) => void lines.push(line) })
  const connection = await testConnection(t, own)
  const remembers = new RedisUnreadCounts(connection, log, { settleMs: 0 })
  const overflows = new RedisUnreadCounts({ ...connection, keys: new Keys(newPrefix()) }, log, {
    settleMs: 0,
    maxStale: 0,
  })
  for (const counts of [remembers, overflows]) {
    await counts.read(ANN, async () => 1)
    await counts.read(BOB, async () => 1)
  }
  own.pause()
  for (const counts of [remembers, overflows]) {
    t.same(await counts.add([{ ...ANN, delta: 1 }]), [null])
    t.equal(await counts.read(ANN, async () => 2), 2)
  }
  own.resume()
  await connection.connected(AbortSignal.timeout(10_000))
  t.equal(await remembers.read(BOB, never), 1, 'others are still known')
  t.equal(await remembers.read(ANN, async () => 2), 2)
  t.equal(await remembers.read(ANN, never), 2)
  t.equal(await overflows.read(ANN, async () => 2), 2)
  t.equal(await overflows.read(BOB, async () => 4), 4, 'nothing is believed for a while')
  t.equal(lines.filter((line) => line.includes('unread.cache_unavailable')).length, 2, 'one line an outage')
})
