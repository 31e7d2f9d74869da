import t from 'tap'
import { MemoryQueue } from '../../src/state/memory/queue.js'
import { Recovery } from '../../src/state/postgres/recovery.js'
import { Sweeper } from '../../src/state/sweeper.js'
import { testLedger } from '../support/ledger.js'
import { recordedTelemetry } from '../support/telemetry.js'

const HOUR_MS = 3_600_000
const OPTIONS = { intervalMs: HOUR_MS, graceMs: 10_000, horizonMs: HOUR_MS }

t.test('the first sweep finds what has just fallen due and was never queued', async (t) => {
  const { insert, store } = await testLedger(t)
  const queue = new MemoryQueue()
  // As one that outlived the instance which was there before.
  await queue.markIntact()
  const clock = { now: () => Date.now() }
  const sweeper = new Sweeper({ recovery: new Recovery(store), queue, clock }, OPTIONS, recordedTelemetry())
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
