import fc from 'fast-check'
import t from 'tap'
import { FairLine } from '../../src/streams/fair-line.js'

const flow = fc.constantFrom('a', 'b', 'c', 'd')
const step = fc.oneof(
  fc.record({ add: fc.array(flow, { maxLength: 20 }) }),
  fc.record({ take: fc.integer({ min: 0, max: 10 }) }),
)

t.test('each item comes out once, in order within its flow, and everybody has a turn', async () =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const line = new FairLine<{ flow: string; n: number }>()
      const next = new Map<string, number>()
      const expected = new Map<string, number>()
      let waiting = 0
      for (const one of steps) {
        if ('add' in one) {
          for (const flow of one.add) {
            const n = next.get(flow) ?? 0
            next.set(flow, n + 1)
            line.add(flow, { flow, n })
            waiting += 1
          }
          continue
        }
        const flows = [...next.keys()].filter((flow) => line.held(flow) > 0)
        const taken = line.take(one.take)
        waiting -= taken.length
        if (taken.length !== Math.min(one.take, waiting + taken.length)) throw new Error('too few')
        for (const { flow, n } of taken) {
          if (n !== (expected.get(flow) ?? 0)) throw new Error('out of order')
          expected.set(flow, n + 1)
        }
        const served = new Set(taken.map((item) => item.flow))
        if (one.take >= flows.length && served.size !== flows.length) throw new Error('somebody was left out')
        if (line.size !== waiting) throw new Error('the size is wrong')
      }
    }),
  ),
)

t.test('with more flows than there is room for, their turns go round', async (t) => {
  const line = new FairLine<string>()
  for (const flow of ['a', 'b', 'c', 'd', 'e']) for (const n of [1, 2]) line.add(flow, `${flow}${n}`)
  t.same(line.take(2), ['a1', 'b1'])
  t.same(line.take(2), ['c1', 'd1'])
  t.same(line.take(2), ['e1', 'a2'])
})
