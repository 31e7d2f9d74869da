import t from 'tap'
import { readEmailAddress } from '../../src/sinks/email/address.js'
import { checkEmailAddress } from '../../src/sinks/email/index.js'

const local = 'a'.repeat(64)

t.test('accepts what can be delivered to', async (t) => {
  for (const address of [
    'reader@example.org',
    'first.last+tag@mail.example.org',
    "o'neil!#$%&*/=?^_`{|}~-@example.org",
    `${local}@example.org`,
    'reader@例子.中国',
    'reader@xn--fsqu00a.xn--fiqs8s',
    'reader@1.example.org',
  ]) {
    t.equal(checkEmailAddress(address), null, address)
  }
})

t.test('converts the domain to ASCII and leaves the local part alone', async (t) => {
  t.match(readEmailAddress('Reader@BÜCHER.example'), { ok: true, address: 'Reader@xn--bcher-kva.example' })
})

t.test('refuses everything else without repeating it', async (t) => {
  const hostile = [
    ...['', '@', 'reader', 'reader@', '@example.org', 'reader@example', 'a@b@example.org'],
    ...[
      'reader@example.org\r\nBcc: victim@example.org',
      'reader\n@example.org',
      'reader@example.org\0',
      'a\t@b.example',
    ],
    ...['reader@example.org,victim@example.org', 'reader@example.org;victim@example.org', 'a b@example.org'],
    ...[
      '<reader@example.org>',
      'Reader <reader@example.org>',
      '"reader"@example.org',
      '"a@evil.example"@b.example',
    ],
    ...[
      'reader(comment)@example.org',
      'a:b@example.org;',
      'reader@[127.0.0.1]',
      'reader@127.0.0.1',
      'a\\@b.example',
    ],
    ...['.reader@example.org', 'reader.@example.org', 're..ader@example.org', '张三@example.org'],
    ...[
      'reader@exa%6dple.org',
      'reader@example.org/x',
      'reader@-example.org',
      'reader@example..org',
      'reader@a_b.org',
    ],
    ...['reader@example.org.', 'reader@example.123', `${local}a@example.org`, `a@${'b'.repeat(64)}.org`],
    ...[`a@${'bc.'.repeat(100)}org`, `a@${'中文.'.repeat(40)}cn`],
  ]
  for (const address of hostile) {
    const wrong = checkEmailAddress(address)
    t.type(wrong, 'string', JSON.stringify(address))
    if (address.length > 12) t.notOk(wrong?.includes(address), 'is not repeated')
  }
  for (const value of [undefined, null, 1, true, ['reader@example.org'], { address: 'reader@example.org' }]) {
    t.equal(checkEmailAddress(value), 'must be a string')
  }
})
