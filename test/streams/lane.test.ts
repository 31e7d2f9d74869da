import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { MemoryQueue } from '../../src/state/memory/queue.js'
import { type Delivery, lane } from '../../src/streams/lane.js'
import type { Claim } from '../../src/streams/ports.js'
import { aNotification } from '../support/notification.js'
import { recordedTelemetry } from '../support/telemetry.js'

const push = (queue: MemoryQueue, ids: readonly string[]): Promise<void> =>
  queue.push(ids.map((id) => ({ id, channel: 'webhook', priority: 'medium', tenantId: 'acme' })))

/** A ledger that lets everything be claimed, and counts. */
function claims() {
  const calls: (readonly string[])[] = []
  const claim = async (ids: readonly string[]): Promise<Claim> => {
    calls.push(ids)
    const claimed = ids.map((id) => ({ notification: aNotification({ id }), leaseToken: 'token' }))
    return { claimed, expired: [] }
  }
  return { calls, claim }
}

function start(slots: number, ledger: Pick<ReturnType<typeof claims>, 'claim'>, queue = new MemoryQueue()) {
  const stop = new AbortController()
  const deliveries: Delivery[] = []
  const { log, lines } = recordedTelemetry()
  let completed = false
  const rest = { insert: never, recall: never, decide: never, waiting: never, settle: never }
  const options = { channel: 'webhook', slots, leaseMs: 1_000, stop: stop.signal } as const
  lane(options, { queue, ledger: { ...rest, ...ledger }, log }).subscribe({
    next: (delivery) => deliveries.push(delivery),
    complete: () => (completed = true),
  })
  return { queue, stop, deliveries, lines, completed: () => completed }
}

const never = (): Promise<never> => Promise.reject(new Error('not to be called'))
const turns = async (): Promise<void> => {
  for (let n = 0; n < 10; n++) await turn()
}

t.test('claims as many as there are free slots, and more when slots are given back', async (t) => {
  const { claim, calls } = claims()
  const { queue, deliveries, stop } = start(3, { claim })
  await push(
    queue,
    Array.from({ length: 10 }, (_, n) => `n${n}`),
  )
  await turns()
  t.equal(deliveries.length, 3)
  t.equal((await queue.depth()).ready.webhook, 7, 'the rest stays where any instance can take it')
  for (const delivery of deliveries.slice(0, 2)) delivery.release()
  deliveries[0]?.release()
  await turns()
  t.equal(deliveries.length, 5, 'a slot is given back once')
  t.same(
    calls.map((ids) => ids.length),
    [3, 2],
    'and slots that come free together are filled by one claim',
  )
  stop.abort()
})

t.test('wakes up when something becomes ready', async (t) => {
  const { queue, deliveries, stop } = start(3, claims())
  await turns()
  t.equal(deliveries.length, 0)
  await push(queue, ['a'])
  await turns()
  t.same(
    deliveries.map((d) => d.notification.id),
    ['a'],
  )
  stop.abort()
})

t.test('what the ledger does not grant takes no slot', async (t) => {
  const { queue, deliveries, stop } = start(1, { claim: async () => ({ claimed: [], expired: [] }) })
  await push(queue, ['a', 'b', 'c'])
  await turns()
  t.equal(deliveries.length, 0)
  t.equal((await queue.depth()).ready.webhook, 0)
  stop.abort()
})

t.test('goes on after the store was away', async (t) => {
  let away = true
  const granted = claims()
  const claim = (ids: readonly string[]) => (away ? Promise.reject(new Error('away')) : granted.claim(ids))
  const { queue, deliveries, lines, stop } = start(1, { claim })
  await push(queue, ['a'])
  await turns()
  t.match(lines, [{ event: 'lane.unavailable', channel: 'webhook', err: { message: 'away' } }])
  away = false
  await push(queue, ['b'])
  await turns()
  t.same(
    deliveries.map((d) => d.notification.id),
    ['b'],
  )
  stop.abort()
})

t.test('once stopped it claims no more and completes', async (t) => {
  const { queue, deliveries, stop, completed } = start(5, claims())
  await turns()
  stop.abort()
  await push(queue, ['a'])
  await turns()
  t.equal(deliveries.length, 0)
  t.ok(completed())
})
