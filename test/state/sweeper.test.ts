import t from 'tap'
import { MemoryQueue } from '../../src/state/memory/queue.js'
import { ALWAYS_OURS } from '../../src/state/memory/sweep-turns.js'
import { Recovery } from '../../src/state/postgres/recovery.js'
import { RedisQueue } from '../../src/state/redis/queue.js'
import { RedisSweepTurns } from '../../src/state/redis/sweep-turns.js'
import { Sweeper } from '../../src/state/sweeper.js'
import { testLedger } from '../support/ledger.js'
import { newPrefix, startRedis, testConnection } from '../support/redis.js'
import { recordedTelemetry } from '../support/telemetry.js'
import { eventually } from '../support/waiting.js'

const HOUR_MS = 3_600_000
const OPTIONS = { intervalMs: HOUR_MS, graceMs: 10_000, horizonMs: HOUR_MS }

t.test('the first sweep finds what has just fallen due and was never queued', async (t) => {
  const { insert, store } = await testLedger(t)
  const queue = new MemoryQueue()
  // As one that outlived the instance which was there before.
  await queue.markIntact()
  const clock = { now: () => Date.now() }
  const ports = { recovery: new Recovery(store), queue, turns: ALWAYS_OURS, clock }
  const sweeper = new Sweeper(ports, OPTIONS, recordedTelemetry())
  const deferred = (dueAt: number) =>
    insert({}, { status: 'pending', dueAt, admitted: false, reason: 'scheduled' })
  const [long, just, soon] = await Promise.all(
    [-HOUR_MS, -1_000, 60_000].map((ms) => deferred(clock.now() + ms)),
  )
  await deferred(clock.now() + 2 * HOUR_MS)
  await sweeper.start()
  t.teardown(() => sweeper.stop())
  t.same(await queue.takeDue(clock.now() + OPTIONS.horizonMs, 10), [long?.id, just?.id, soon?.id])
})

t.test('of several instances one at a time reads again what is overdue', async (t) => {
  const { insert, store } = await testLedger(t)
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const clock = { now: () => Date.now() }
  const prefix = newPrefix()
  const connection = await testConnection(t, redis, prefix)
  await new RedisQueue(connection).markIntact()
  const readers: string[] = []
  const instance = (name: string, intervalMs: number): Sweeper => {
    const recovery = new Recovery(store)
    const ports = {
      recovery: {
        returnLeases: (limit: number) => recovery.returnLeases(limit),
        dueBetween: (...range: Parameters<Recovery['dueBetween']>) => {
          // One that reads anew, or again, begins with what is overdue.
          if (range[0] === 0) readers.push(name)
          return recovery.dueBetween(...range)
        },
      },
      queue: new RedisQueue(connection),
      turns: new RedisSweepTurns(connection),
      clock,
    }
    return new Sweeper(ports, { ...OPTIONS, intervalMs }, recordedTelemetry())
  }
  const first = instance('first', HOUR_MS)
  const second = instance('second', HOUR_MS)
  await insert({}, { status: 'pending', dueAt: clock.now() - HOUR_MS, admitted: false, reason: 'scheduled' })
  t.equal(await first.sweep(), 1)
  t.equal(await second.sweep(), 1, 'one that begins reads, whoever has the turn')
  readers.length = 0
  t.same(await Promise.all([first.sweep(), second.sweep()]), [0, 0], 'the turn of the first lasts')
  t.same(readers, [])

  first.suspect()
  t.equal(await first.sweep(), 1, 'what may be lost is read at once')
  await connection.run((client) => client.flushall())
  t.equal(await second.sweep(), 1, 'and so is what is')
  t.same(readers, ['first', 'second'])

  const hasty = instance('hasty', 50)
  await hasty.sweep()
  const { sweepTurn } = connection.keys
  const isTaken = async () => (await connection.run((client) => client.exists(sweepTurn))) === 1
  await eventually(async () => !(await isTaken()), 'the turn to end by itself')
  t.equal(await second.sweep(), 1, 'then it is the turn of another')
  t.equal(await hasty.sweep(), 0)
})
