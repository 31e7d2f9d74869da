import t from 'tap'
import { parseTraceparent, readTraceparent, traceIdOf } from '../../src/model/trace.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const PARTS = `${TRACE}-${SPAN}`

t.test('the parts of a traceparent', async (t) => {
  const parent = { traceId: TRACE, spanId: SPAN }
  t.same(parseTraceparent(`00-${PARTS}-01`), { ...parent, sampled: true })
  t.same(parseTraceparent(`00-${PARTS}-00`), { ...parent, sampled: false })
  t.same(parseTraceparent(`00-${PARTS}-03`), { ...parent, sampled: true }, 'other flags say something else')
  t.same(parseTraceparent(`00-${PARTS}-02`), { ...parent, sampled: false })
  t.equal(traceIdOf(`00-${PARTS}-01`), TRACE)
  t.equal(traceIdOf(null), undefined)
})

t.test('what is passed on is what came, and of later versions what this one knows', async (t) => {
  t.equal(readTraceparent(`00-${PARTS}-03`), `00-${PARTS}-03`)
  t.equal(readTraceparent(`01-${PARTS}-01`), `00-${PARTS}-01`)
  t.equal(readTraceparent(`cc-${PARTS}-09-what-the-future-will-be-like`), `00-${PARTS}-01`)
  t.equal(readTraceparent(`fe-${PARTS}-08-`), `00-${PARTS}-00`)
})

t.test('anything else is ignored', async (t) => {
  const others: readonly unknown[] = [
    undefined,
    null,
    7,
    [`00-${PARTS}-01`],
    '',
    'nonsense',
    `ff-${PARTS}-01`,
    `00-${PARTS}-01-more`,
    `00-${PARTS}-1`,
    `00-${PARTS}`,
    ` 00-${PARTS}-01`,
    `00-${PARTS}-01\r\nx-evil: 1`,
    `01-${PARTS}-01.more`,
    `00-${PARTS}-01`.toUpperCase(),
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}0-01`,
  ]
  for (const other of others) t.equal(readTraceparent(other), null, JSON.stringify(other) ?? 'undefined')
})
