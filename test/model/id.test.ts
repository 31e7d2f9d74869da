import t from 'tap'
import { uuidv7 } from '../../src/model/id.js'

t.test('ids made by one process sort in the order in which they were made', async (t) => {
  const ids = Array.from({ length: 20_000 }, (_, n) => uuidv7(1_700_000_000_000 + Math.floor(n / 10_000)))
  t.same(ids, [...ids].sort())
  t.equal(new Set(ids).size, ids.length)
})

t.test('an id is a UUID of version 7 with the time in front', async (t) => {
  const id = uuidv7(0x0189_abcd_ef01 * 2)
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.equal(Number.parseInt(id.replace('-', '').slice(0, 12), 16), 0x0189_abcd_ef01 * 2)
})
