import { EventEmitter, on, once } from 'node:events'
import t, { type Test } from 'tap'
import { MemoryRelay } from '../../src/state/memory/relay.js'
import { RedisRelay } from '../../src/state/redis/relay.js'
import type { Frame, FrameReceiver, Relay, UserAddress } from '../../src/streams/ports.js'
import { createLog } from '../../src/telemetry/log.js'
import { newPrefix, type RedisServer, startRedis, testConnection } from '../support/redis.js'

const server = await startRedis()
const cluster = await startRedis({ cluster: true })
t.teardown(() => Promise.all([server.stop(), cluster.stop()]))

const ANN: UserAddress = { tenantId: 't', userId: 'ann' }
const FRAME: Frame = { data: '{"title":"Grüße, 世界 🎉\\n"}', critical: false }

/** What an instance was handed, as `user tenant/user data` or `tenant tenant data`. */
class Received implements FrameReceiver {
  readonly #events = new EventEmitter()
  readonly #all = on(this.#events, 'frame')
  readonly #interruptions: number[] = []

  /** For how long frames may have been missed, each time. */
  get interruptions(): readonly number[] {
    return this.#interruptions
  }

  toUser(user: UserAddress, frame: Frame): void {
    this.#events.emit('frame', { to: `${user.tenantId}/${user.userId}`, ...frame })
  }

  toTenant(tenantId: string, frame: Frame): void {
    this.#events.emit('frame', { to: tenantId, ...frame })
  }

  interrupted(forMs: number): void {
    this.#interruptions.push(forMs)
  }

  async next(): Promise<unknown> {
    return (await this.#all.next()).value[0]
  }
}

interface Instance {
  readonly relay: Relay
  readonly received: Received
}

t.test('memory', (t) =>
  contract(t, async () => {
    const instance = { relay: new MemoryRelay(), received: new Received() }
    instance.relay.onFrame(instance.received)
    return instance
  }),
)

for (const [name, redis] of Object.entries({ redis: server, 'redis cluster': cluster })) {
  t.test(name, (t) => contract(t, (t) => redisInstance(t, redis)))
}

async function redisInstance(t: Test, redis: RedisServer, prefix = newPrefix()): Promise<Instance> {
  const relay = new RedisRelay(await testConnection(t, redis, prefix), createLog('silent'))
  const received = new Received()
  relay.onFrame(received)
  await relay.open()
  return { relay, received }
}

async function contract(t: Test, create: (t: Test) => Promise<Instance>) {
  t.test('a frame reaches a user from joining to leaving', async (t) => {
    const { relay, received } = await create(t)
    t.equal(await relay.toUser(ANN, FRAME), 0)
    await relay.join(ANN)
    t.equal(await relay.toUser(ANN, FRAME), 1)
    t.same(await received.next(), { to: 't/ann', ...FRAME })
    await relay.leave(ANN)
    t.equal(await relay.toUser(ANN, FRAME), 0)
    await relay.join(ANN)
    await relay.join(ANN)
    t.equal(await relay.toUser(ANN, { data: '', critical: true }), 1)
    t.same(await received.next(), { to: 't/ann', data: '', critical: true })
  })

  t.test('a frame for a tenant needs no joining', async (t) => {
    const { relay, received } = await create(t)
    await relay.toTenant('t:1 {x} ü', FRAME)
    t.same(await received.next(), { to: 't:1 {x} ü', ...FRAME })
    await relay.toTenant('', { data: '{}', critical: true })
    t.same(await received.next(), { to: '', data: '{}', critical: true })
  })

  t.test('frames for one user keep their order', async (t) => {
    const { relay, received } = await create(t)
    await relay.join(ANN)
    const frames = Array.from({ length: 500 }, (_, n) => ({ data: `${n}`, critical: n % 7 === 0 }))
    const counts = await Promise.all(frames.map((frame) => relay.toUser(ANN, frame)))
    t.ok(counts.every((count) => count === 1))
    for (const frame of frames) {
      const found = await received.next()
      if (JSON.stringify(found) !== JSON.stringify({ to: 't/ann', ...frame })) t.same(found, frame)
    }
  })

  t.test('users whose ids look alike are told apart', async (t) => {
    const { relay, received } = await create(t)
    await relay.join({ tenantId: 'a', userId: 'b:c' })
    t.equal(await relay.toUser({ tenantId: 'a:b', userId: 'c' }, FRAME), 0)
    t.equal(await relay.toUser({ tenantId: 'a', userId: 'b:c' }, FRAME), 1)
    t.same(await received.next(), { to: 'a/b:c', ...FRAME })
  })
}

t.test('redis: every instance that joined the user gets the frame', async (t) => {
  const prefix = newPrefix()
  const here = await redisInstance(t, server, prefix)
  const there = await redisInstance(t, server, prefix)
  await Promise.all([here.relay.join(ANN), there.relay.join(ANN)])
  t.equal(await here.relay.toUser(ANN, FRAME), 2)
  t.same(await here.received.next(), { to: 't/ann', ...FRAME })
  t.same(await there.received.next(), { to: 't/ann', ...FRAME })
  await here.relay.leave(ANN)
  t.equal(await here.relay.toUser(ANN, FRAME), 1)
  await there.relay.toTenant('t', FRAME)
  t.same(await here.received.next(), { to: 't', ...FRAME })
})

t.test('redis: who joined before or during an outage is reached after it', async (t) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  const connection = await testConnection(t, own)
  const relay = new RedisRelay(connection, createLog('silent'))
  const received = new Received()
  relay.onFrame(received)
  await relay.open()
  const users = Array.from({ length: 2_500 }, (_, n) => ({ tenantId: 't', userId: `u${n}` }))
  await Promise.all(users.map((user) => relay.join(user)))
  const { interruptions } = received
  t.equal(interruptions.length, 0)
  t.equal(await relay.settled(AbortSignal.timeout(0)), true)
  await own.kill()
  await t.rejects(relay.toUser(ANN, FRAME))
  await relay.join(ANN)
  await relay.leave({ tenantId: 't', userId: 'u7' })
  await own.restart()
  await connection.connected(AbortSignal.timeout(5_000))
  const counts = await Promise.all([ANN, ...users].map((user) => relay.toUser(user, FRAME)))
  t.same(counts, [1, ...users.map((user) => (user.userId === 'u7' ? 0 : 1))])
  t.equal(interruptions.length, 1)
  t.ok((interruptions[0] ?? 0) > 6_000, 'with the time in which a loss goes unnoticed')
  t.same(await received.next(), { to: 't/ann', ...FRAME })
})

t.test('redis: a receiver that throws is logged and does not cut off the others', async (t) => {
  const lines = new EventEmitter()
  const log = createLog('warn', { write: (line) => lines.emit('line', line) })
  const relay = new RedisRelay(await testConnection(t, server), log)
  const seen: string[] = []
  relay.onFrame({
    toUser: (_, frame) => {
      seen.push(frame.data)
      if (frame.data === 'bad') throw new Error('choked')
    },
    toTenant: () => {},
    interrupted: () => {},
  })
  await relay.join(ANN)
  const logged = once(lines, 'line')
  await relay.toUser(ANN, { data: 'bad', critical: false })
  t.match((await logged)[0], /choked.*relay\.failed/)
  const last = new Promise<void>((resolve) =>
    relay.onFrame({ toUser: () => resolve(), toTenant: () => {}, interrupted: () => {} }),
  )
  await relay.toUser(ANN, FRAME)
  await last
  t.same(seen, ['bad'])
})
