import { setTimeout as delay } from 'node:timers/promises'
import { CircuitState } from 'cockatiel'
import t from 'tap'
import { SuccessRate } from '../../src/model/success-rate.js'

const { Closed, HalfOpen } = CircuitState
const options = { successRate: 0.9, windowMs: 60_000, minimumCalls: 10, againAfterMs: 1_000 }

/** Whether it opens after each of these calls: `+` went well, `-` did not. */
function after(rate: SuccessRate, calls: string): readonly boolean[] {
  return [...calls].map((call) => {
    if (call === '-') return rate.failure(Closed)
    rate.success(Closed)
    return false
  })
}

t.test('below the rate, once there are enough calls', async (t) => {
  t.notOk(after(new SuccessRate(options), '---------').includes(true), 'nine are too few')
  t.ok(after(new SuccessRate(options), '----------').at(-1))
  t.notOk(after(new SuccessRate(options), '+++++++++-').at(-1), 'nine of ten are enough')
  t.ok(after(new SuccessRate(options), '++++++++--').at(-1))
  t.ok(after(new SuccessRate({ ...options, successRate: 1 }), '+++++++++-').at(-1), 'any failure at all')
})

t.test('what is older than the window does not count', async (t) => {
  const rate = new SuccessRate({ ...options, windowMs: 100 })
  after(rate, '+'.repeat(1_000))
  await delay(110)
  t.ok(after(rate, '----------').at(-1), 'a busy hour does not hide a quiet one that fails')
})

t.test('the call that tries whether it is back', async (t) => {
  const rate = new SuccessRate(options)
  after(rate, '----------')
  t.ok(rate.failure(HalfOpen), 'fails')
  rate.success(HalfOpen)
  t.notOk(after(rate, '--------').includes(true), 'and what was before is forgotten when it succeeds')
})
