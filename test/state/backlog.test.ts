import t from 'tap'
import { Backlog } from '../../src/state/backlog.js'
import { MemoryQueue } from '../../src/state/memory/queue.js'
import type { ReadyEntry } from '../../src/streams/ports.js'
import { recordedTelemetry } from '../support/telemetry.js'

const MAX = 100

const entries = (tenantId: string, count: number): ReadyEntry[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `${tenantId}-${n}`,
    channel: 'email',
    priority: 'medium',
    tenantId,
  }))

async function backlogOf(...tenants: readonly (readonly [string, number])[]): Promise<Backlog> {
  const queue = new MemoryQueue()
  for (const [tenantId, count] of tenants) await queue.push(entries(tenantId, count))
  const ports = { queue, recovery: { oldestDue: async () => null }, clock: { now: () => 0 } }
  const backlog = new Backlog(ports, { maxReady: MAX }, recordedTelemetry())
  backlog.start()
  await backlog.stop()
  return backlog
}

t.test('a lane that is full refuses those who have filled it, and nobody else', async (t) => {
  const backlog = await backlogOf(['large', MAX], ['small', 3])
  t.match(backlog.refusal('email', 'large'), { code: 'queue_full', retryAfterMs: 5_000 })
  t.equal(backlog.refusal('email', 'small'), null)
  t.equal(backlog.refusal('email', 'new'), null)
  t.equal(backlog.refusal('webhook', 'large'), null, 'each lane by itself')
})

t.test('a tenth above the limit everybody is refused', async (t) => {
  const backlog = await backlogOf(...Array.from({ length: 23 }, (_, n) => [`t${n}`, 5] as const))
  t.match(backlog.refusal('email', 't1'), { code: 'queue_full' })
  t.match(backlog.refusal('email', 'new'), { code: 'queue_full' })
})

t.test('below the limit there is room for all', async (t) => {
  const backlog = await backlogOf(['large', MAX - 1])
  t.equal(backlog.refusal('email', 'large'), null)
})
