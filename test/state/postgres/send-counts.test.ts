import fc from 'fast-check'
import t from 'tap'
import { PostgresSendCounts } from '../../../src/state/postgres/send-counts.js'
import { testLedger } from '../../support/ledger.js'

const key = (userId: string, channel: 'email' | 'webhook' = 'email') => ({
  tenantId: 'acme',
  userId,
  channel,
})
const LIMITS = new Map([
  ['email', 10],
  ['webhook', 2],
] as const)

t.test('as many as the limit allows, in one batch and over several', async (t) => {
  const counts = new PostgresSendCounts((await testLedger(t)).store)
  const twelve = await counts.take(Array(12).fill(key('ada')), LIMITS)
  t.same(twelve, [...Array(10).fill(true), false, false])
  t.same(await counts.take([key('ada'), key('bob'), key('ada', 'webhook')], LIMITS), [false, true, true])
  const tenMore = await counts.take(
    [...Array(10).fill(key('bob')), ...Array(2).fill(key('ada', 'webhook'))],
    LIMITS,
  )
  t.same(tenMore, [...Array(9).fill(true), false, true, false])
})

t.test('batches at once never grant more than the limit, nor less', async (t) => {
  const counts = new PostgresSendCounts((await testLedger(t)).store)
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 2, maxLength: 6 }),
      async (sizes) => {
        run += 1
        const user = key(`user-${run}`)
        const granted = await Promise.all(sizes.map((size) => counts.take(Array(size).fill(user), LIMITS)))
        const asked = sizes.reduce((sum, size) => sum + size, 0)
        t.equal(granted.flat().filter(Boolean).length, Math.min(10, asked))
      },
    ),
    { numRuns: 25 },
  )
})

t.test('the next hour begins anew', async (t) => {
  const { store, pool } = await testLedger(t)
  const counts = new PostgresSendCounts(store)
  t.same(await counts.take([key('ada', 'webhook'), key('ada', 'webhook'), key('ada', 'webhook')], LIMITS), [
    true,
    true,
    false,
  ])
  await pool.query('UPDATE send_counts SET hour = hour - 1')
  t.same(await counts.take([key('ada', 'webhook')], LIMITS), [true])
})
