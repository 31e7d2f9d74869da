import t from 'tap'
import { readPhone } from '../../src/model/phone.js'
import { checkPhone, spelledPhone } from '../../src/sinks/sms/phone.js'

const spellings: readonly (readonly [written: string, country: string, number: string])[] = [
  ['+8613800138000', 'CN', '+8613800138000'],
  ['+86 138-0013-8000', 'CN', '+8613800138000'],
  ['13800138000', 'CN', '+8613800138000'],
  ['138 0013 8000', 'CN', '+8613800138000'],
  ['010 6552 9988', 'CN', '+861065529988'],
  ['9123 4567', 'HK', '+85291234567'],
  ['+852 9123 4567', 'CN', '+85291234567'],
  ['(650) 253-0000', 'US', '+16502530000'],
]

t.test('international and national numbers are spelled as E.164', async (t) => {
  for (const [phone, country, number] of spellings) {
    t.equal(checkPhone({ phone }, country), null, phone)
    t.same(spelledPhone({ phone, name: 'Ada' }, country), { phone: number, name: 'Ada' })
  }
})

t.test('what is no number is refused, without repeating it', async (t) => {
  const wrong = [
    '',
    '123',
    'call me',
    '+99912345678',
    '+861380013800',
    '+86138001380001',
    '1380013800',
    '+8613800138000;ext=5',
    'tel 13800138000',
    '1'.repeat(41),
    1,
    null,
  ]
  for (const phone of wrong) {
    const message = checkPhone({ phone }, 'CN')
    t.match(message, /^must be a phone number.*national one of CN$/, String(phone))
    const metadata = { phone }
    t.equal(spelledPhone(metadata, 'CN'), metadata, 'left as it is')
  }
  t.ok(checkPhone({}, 'CN'))
})

t.test('the country, where the number tells it', async (t) => {
  t.match(readPhone('+85291234567', null), { country: 'HK' })
  t.match(readPhone('+8613800138000', null), { country: 'CN' })
  t.match(readPhone('+16502530000', null), { country: 'US' })
  t.match(readPhone('+88212345678', null), { country: null }, 'of no country')
  t.equal(readPhone('13800138000', null), null, 'national ones need one')
})
