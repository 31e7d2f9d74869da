import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  byQueuedChannel,
  PRIORITIES,
  type Priority,
  type QueuedChannel,
} from '../../src/model/notification.js'
import { STEP } from '../../src/model/priority.js'
import { MemoryQueue } from '../../src/state/memory/queue.js'
import { SortedIds } from '../../src/state/memory/sorted-ids.js'
import { Keys } from '../../src/state/redis/keys.js'
import { RedisQueue } from '../../src/state/redis/queue.js'
import type { DelayEntry, Epoch, Queue, ReadyEntry } from '../../src/streams/ports.js'
import { newPrefix, startRedis, testConnection } from '../support/redis.js'

const server = await startRedis()
const cluster = await startRedis({ cluster: true })
t.teardown(() => Promise.all([server.stop(), cluster.stop()]))

const EMPTY = byQueuedChannel(() => 0)

type Create = () => Promise<Queue & Epoch>

t.test('memory', (t) => contract(t, async () => new MemoryQueue()))

for (const [name, redis] of Object.entries({ redis: server, 'redis cluster': cluster })) {
  t.test(name, async (t) => {
    const connection = await testConnection(t, redis)
    await contract(t, async () => {
      const queue = new RedisQueue({ ...connection, keys: new Keys(newPrefix()) })
      await queue.open()
      return queue
    })
  })
}

async function contract(t: Test, create: Create) {
  t.test('critical ids go first; within a tenant and priority it is first in, first out', async (t) => {
    const queue = await create()
    await queue.push([
      ready('n4'),
      { ...ready('n3'), priority: 'low' },
      ready('n2'),
      { ...ready('n5'), priority: 'critical' },
      { ...ready('n6'), priority: 'high' },
      { ...ready('n1'), channel: 'webhook' },
    ])
    t.same(await queue.take('email', 3), ['n5', 'n6', 'n4'])
    t.same(await queue.take('email', 3), ['n2', 'n3'])
    t.same(await queue.take('email', 3), [])
    t.same(await queue.take('webhook', 1), ['n1'])
  })

  for (const priority of PRIORITIES) {
    t.test(`a campaign holds up nobody else at the same priority: ${priority}`, async (t) => {
      const queue = await create()
      const campaign = Array.from({ length: 1_000 }, (_, n) => `c${1_000 + n}`)
      await queue.push(campaign.map((id) => ({ ...ready(id), priority, tenantId: 'large' })))
      t.same(await queue.take('email', 500), campaign.slice(0, 500))
      await queue.push(['s1', 's2'].map((id) => ({ ...ready(id), priority, tenantId: 'small' })))
      t.same(await queue.take('email', 4), ['c1500', 's1', 'c1501', 's2'])
      t.same(await queue.held('email'), new Map([['large', 498]]))
    })
  }

  t.test('what is urgent overtakes what is not, which is not starved', async (t) => {
    const queue = await create()
    const many = (count: number, name: string, priority: Priority) =>
      Array.from({ length: count }, (_, n) => ({ ...ready(`${name}${100 + n}`), priority }))
    await queue.push(many(40, 'low', 'low'))
    await queue.take('email', 1)
    await queue.push(many(40, 'medium', 'medium'))
    await queue.take('email', 5)
    await queue.push(many(60, 'high', 'high'))
    const taken = (await queue.take('email', 60)).map((id) => id.slice(0, -3))
    const counts = ['high', 'medium', 'low'].map((name) => taken.filter((each) => each === name).length)
    t.same(counts, [49, 9, 2], 'in proportion: one minute, five, thirty')
    t.equal(taken.indexOf('medium') > 3, true, 'five high ones for one medium one')
  })

  t.test('a lane that was empty begins anew', async (t) => {
    const queue = await create()
    await queue.push(Array.from({ length: 100 }, (_, n) => ready(`n${100 + n}`)))
    await queue.take('email', 100)
    t.same(await queue.held('email'), new Map())
    await queue.push([{ ...ready('a'), priority: 'low' }, { ...ready('b'), tenantId: 'other' }, ready('c')])
    t.same(await queue.take('email', 3), ['b', 'c', 'a'])
  })

  t.test('what is due is taken once, earliest first and never early', async (t) => {
    const queue = await create()
    await queue.delay([due('b', 1_700_000_000_500), due('a', 1_700_000_000_400), due('c', 1_700_000_000_501)])
    t.same(await queue.takeDue(1_700_000_000_399, 10), [])
    t.same(await queue.takeDue(1_700_000_000_500, 10), ['a', 'b'])
    t.same(await queue.takeDue(1_700_000_000_500, 10), [])
    t.same(await queue.takeDue(1_700_000_000_501, 10), ['c'])
  })

  t.test('what falls due for one tenant holds up nobody else', async (t) => {
    const queue = await create()
    const campaign = Array.from({ length: 1_000 }, (_, n) => `c${1_000 + n}`)
    await queue.delay(campaign.map((id) => due(id, 10, 'large')))
    await queue.delay([due('s1', 20, 'small')])
    t.same(await queue.takeDue(15, 2), campaign.slice(0, 2))
    t.same(await queue.takeDue(20, 3), [campaign[2], 's1', campaign[3]])
    t.same(await queue.depth(), { ready: EMPTY, delayed: 996 })
    t.same(await queue.takeDue(20, 2_000), campaign.slice(4))
  })

  t.test('a moved id is due at its new time only, whether later or earlier', async (t) => {
    const queue = await create()
    await queue.delay([due('later', 10), due('earlier', 30)])
    await queue.delay([due('later', 20), due('earlier', 5)])
    t.same(await queue.takeDue(19, 10), ['earlier'])
    t.same(await queue.takeDue(40, 10), ['later'])
    t.same(await queue.takeDue(40, 10), [])
  })

  t.test('nothing asked, nothing taken', async (t) => {
    const queue = await create()
    await queue.push([])
    await queue.delay([])
    await queue.push([ready('n1')])
    await queue.delay([due('d1', 1)])
    t.same(await queue.take('email', 0), [])
    t.same(await queue.takeDue(1, 0), [])
    t.same(await queue.depth(), { ready: { ...EMPTY, email: 1 }, delayed: 1 })
  })

  t.test('two who take at once share the ids and get none twice', async (t) => {
    const queue = await create()
    const ids = Array.from({ length: 300 }, (_, n) => `n${n}`)
    await queue.push(ids.map(ready))
    await queue.delay(ids.map((id, n) => due(id, n)))
    const taken = await Promise.all(Array.from({ length: 20 }, () => queue.take('email', 20)))
    const fell = await Promise.all(Array.from({ length: 20 }, () => queue.takeDue(300, 20)))
    t.same(taken.flat().sort(), [...ids].sort())
    t.same(fell.flat().sort(), [...ids].sort())
  })

  t.test('a listener hears of each lane that was pushed to, until it is removed', async (t) => {
    const queue = await create()
    const heard: QueuedChannel[] = []
    const stop = queue.onReady((channel) => heard.push(channel))
    await queue.push([ready('n1'), ready('n2'), { ...ready('n3'), channel: 'websocket' }])
    t.same(heard.sort(), ['email', 'websocket'])
    stop()
    await queue.push([ready('n4')])
    t.equal(heard.length, 2)
  })

  t.test('the index is intact once it is marked', async (t) => {
    const queue = await create()
    t.equal(await queue.intact(), false)
    await queue.markIntact()
    t.equal(await queue.intact(), true)
  })

  t.test('it does what a sorted list would do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const queue = await create()
        const model = new Model()
        for (const { run } of steps) await run(queue, model)
        await drain.run(queue, model)
      }),
      { numRuns: 100 },
    )
  })
}

/** The port's promises in the plainest words. */
class Model {
  readonly delayed = new Map<string, number>()
  readonly fallen: string[] = []
  readonly #lanes = new Map<string, ModelLane>()

  lane(name: string): ModelLane {
    const lane = this.#lanes.get(name) ?? { places: [], taken: 0 }
    this.#lanes.set(name, lane)
    return lane
  }

  push({ id, channel, priority, tenantId }: ReadyEntry): void {
    const lane = this.lane(priority === 'critical' ? `${channel}!` : channel)
    if (lane.places.some((place) => place.id === id)) return
    const flow = `${tenantId} ${priority}`
    const ofFlow = lane.places.filter((place) => place.flow === flow).map(({ at }) => at)
    lane.places.push({ id, flow, at: Math.max(lane.taken, ...ofFlow) + STEP[priority] })
  }

  take(name: string, max: number): string[] {
    const lane = this.lane(name)
    const taken = lane.places.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).splice(0, max)
    lane.taken = lane.places.length === 0 ? 0 : (taken.at(-1)?.at ?? lane.taken)
    return taken.map(({ id }) => id)
  }

  takeReady(channel: QueuedChannel, max: number): string[] {
    const critical = this.take(`${channel}!`, max)
    return [...critical, ...this.take(channel, max - critical.length)]
  }

  /** What has fallen due once is so, though it is moved afterwards. */
  takeDue(now: number, max: number): string[] {
    if (max <= 0) return []
    const due = [...this.delayed]
      .filter(([, dueAt]) => dueAt <= now)
      .sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
      .map(([id]) => id)
    for (const id of due) this.delayed.delete(id)
    this.fallen.push(...due.filter((id) => !this.fallen.includes(id)))
    return this.fallen.splice(0, max)
  }
}

interface ModelLane {
  readonly places: { readonly id: string; readonly flow: string; readonly at: number }[]
  taken: number
}

interface Step {
  run(queue: Queue, model: Model): Promise<void>
}

const number = fc.integer({ min: 0, max: 24 })
const id = number.map((n) => `n${n}`)
const score = fc.integer({ min: 0, max: 6 })
const channel = fc.constantFrom<QueuedChannel[]>('email', 'webhook')
/** An id is of one tenant and priority for ever. */
const entry = fc.record({ number, channel }).map(({ number: n, channel }) => ({
  id: `n${n}`,
  channel,
  priority: PRIORITIES[n % 4] ?? 'medium',
  tenantId: `t${n % 3}`,
}))
const max = fc.integer({ min: 0, max: 8 })

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.array(entry, { maxLength: 8 }).map((entries) =>
    named(`push ${fc.stringify(entries)}`, async (queue, model) => {
      await queue.push(entries)
      for (const each of entries) model.push(each)
    }),
  ),
  fc.tuple(channel, max).map(([lane, count]) =>
    named(`take ${lane} ${count}`, async (queue, model) => {
      same(await queue.take(lane, count), model.takeReady(lane, count))
    }),
  ),
  fc.array(fc.record({ id, dueAt: score, tenantId: fc.constant('acme') }), { maxLength: 8 }).map((entries) =>
    named(`delay ${fc.stringify(entries)}`, async (queue, model) => {
      await queue.delay(entries)
      for (const { id, dueAt } of entries) model.delayed.set(id, dueAt)
    }),
  ),
  fc.tuple(score, max).map(([now, count]) =>
    named(`take due ${now} ${count}`, async (queue, model) => {
      same(await queue.takeDue(now, count), model.takeDue(now, count))
    }),
  ),
)

/** Compares what is left. */
const drain: Step = {
  async run(queue, model) {
    const depth = await queue.depth()
    const inLane = (name: string) => model.lane(name).places.length + model.lane(`${name}!`).places.length
    same(depth, {
      ready: { ...EMPTY, email: inLane('email'), webhook: inLane('webhook') },
      delayed: model.delayed.size + model.fallen.length,
    })
    for (const lane of ['email', 'webhook'] as const) {
      same(await queue.take(lane, 100), model.takeReady(lane, 100))
    }
    same(await queue.takeDue(100, 100), model.takeDue(100, 100))
  },
}

function named(name: string, run: Step['run']): Step & { readonly [fc.toStringMethod]: () => string } {
  return { run, [fc.toStringMethod]: () => name }
}

function same(found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`)
  }
}

function ready(id: string): ReadyEntry {
  return { id, channel: 'email', priority: 'medium', tenantId: 'acme' }
}

function due(id: string, dueAt: number, tenantId = 'acme'): DelayEntry {
  return { id, tenantId, dueAt }
}

t.test(
  'memory: a full queue keeps what it has, says that it is full, and takes more when there is room',
  async (t) => {
    const queue = new MemoryQueue(2)
    await queue.push([ready('n1')])
    await t.rejects(queue.push([ready('n2'), ready('n3'), ready('n1')]), { message: /full: 1 ids/ })
    await t.rejects(queue.delay([due('d1', 1)]), { message: /full/ })
    t.same(await queue.take('email', 10), ['n1', 'n2'])
    await queue.delay([due('d1', 1), due('d2', 2)])
    await queue.delay([due('d1', 3)])
    t.same(await queue.takeDue(9, 10), ['d2', 'd1'])
  },
)

t.test('memory: ids that move again and again leave no more places than ids', async (t) => {
  const ids = new SortedIds()
  for (let n = 0; n < 10_000; n += 1) ids.set(`n${n % 10}`, n)
  t.equal(ids.size, 10)
  t.ok(ids.places <= 20, `${ids.places} places`)
})

t.test('redis: a push is heard by the other instances too, and by its own listeners once', async (t) => {
  const prefix = newPrefix()
  const here = new RedisQueue(await testConnection(t, server, prefix))
  const there = new RedisQueue(await testConnection(t, server, prefix))
  await Promise.all([here.open(), there.open()])
  const heard = { here: 0, there: 0 }
  here.onReady(() => {
    heard.here += 1
  })
  there.onReady(() => {
    heard.there += 1
  })
  const thereHears = new Promise<QueuedChannel>((resolve) => there.onReady(resolve))
  await here.push([ready('n1'), ready('n2')])
  t.equal(await thereHears, 'email')
  t.same(heard, { here: 1, there: 1 })

  // News is in order, so that by the time of this one the first would have come back.
  const hereHears = new Promise<QueuedChannel>((resolve) => {
    here.onReady((channel) => channel === 'webhook' && resolve(channel))
  })
  await there.push([{ ...ready('n3'), channel: 'webhook' }])
  await hereHears
  t.same(heard, { here: 2, there: 2 })
})

t.test('redis: FLUSHALL takes the mark away', async (t) => {
  const connection = await testConnection(t, server)
  const queue = new RedisQueue(connection)
  await queue.markIntact()
  t.equal(await queue.intact(), true)
  await connection.run((redis) => redis.flushall())
  t.equal(await queue.intact(), false)
})

t.test('redis: after a restart every lane may be ready, and the index is not intact', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const connection = await testConnection(t, own)
  const queue = new RedisQueue(connection)
  await queue.open()
  await queue.markIntact()
  await own.kill()
  const heard = new Set<QueuedChannel>()
  const all = new Promise<void>((resolve) => {
    queue.onReady((channel) => heard.add(channel).size === 3 && resolve())
  })
  await own.restart()
  await all
  await connection.connected(AbortSignal.timeout(5_000))
  t.equal(await queue.intact(), false)
  await queue.push([ready('n1')])
  t.same(await queue.take('email', 5), ['n1'])
})
