import t from 'tap'
import { vendorTextOf } from '../../src/model/vendor-template.js'

t.test('what vendors are told of a template', async (t) => {
  const codes = { aliyun: 'SMS_1' }
  const params = ['code', 'amount', 'paid', 'items', 'note', 'code']
  const variables = { code: '0042', amount: 12.5, paid: true, items: [{ n: 1 }], note: null, other: 'x' }
  t.same(vendorTextOf({ params, codes }, variables), {
    codes,
    params: [
      ['code', '0042'],
      ['amount', '12.5'],
      ['paid', 'true'],
      ['items', '[{"n":1}]'],
      ['note', ''],
      ['code', '0042'],
    ],
  })
  t.equal(vendorTextOf(null, variables), null)
})
