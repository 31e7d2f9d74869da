import fc from 'fast-check'
import t from 'tap'
import { DeliveryFailure } from '../../src/model/outcome.js'
import { settlementOf } from '../../src/model/retry-policy.js'

const policy = { delaysMs: [60_000, 300_000, 900_000], jitter: 0.2 }
const failed = (retryable: boolean, retryAfterMs: number | null = null) =>
  ({
    kind: 'failed',
    failure: new DeliveryFailure('unavailable', 'no', { retryable, retryAfterMs }),
  }) as const

t.test('what was sent is sent', async (t) => {
  t.same(settlementOf({ kind: 'sent', receipt: {} }, 1, policy, 0), { status: 'sent' })
})

t.test('what no retry can mend fails at once', async (t) => {
  t.same(settlementOf(failed(false), 1, policy, 0), { status: 'failed' })
})

t.test('retries after 1, 5 and 15 minutes, and then gives up', async (t) => {
  t.same(
    [1, 2, 3, 4].map((attempt) => settlementOf(failed(true), attempt, policy, 0.5)),
    [
      { status: 'retry', afterMs: 60_000 },
      { status: 'retry', afterMs: 300_000 },
      { status: 'retry', afterMs: 900_000 },
      { status: 'failed' },
    ],
  )
})

t.test('jitter stays within its share, and Retry-After is never undercut', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.option(fc.integer({ min: 0, max: 3_600_000 })),
      (attempt, random, retryAfterMs) => {
        const settlement = settlementOf(failed(true, retryAfterMs), attempt, policy, random)
        const delay = policy.delaysMs[attempt - 1] ?? 0
        if (settlement.status !== 'retry') return false
        const { afterMs } = settlement
        if (retryAfterMs !== null && afterMs < retryAfterMs) return false
        return afterMs === retryAfterMs || (afterMs >= delay * 0.8 - 1 && afterMs <= delay * 1.2 + 1)
      },
    ),
  )
})
