import t from 'tap'
import { addressMetadata, canonicalAddress } from '../../src/model/address.js'

t.test('spellings of one mailbox are one', async (t) => {
  const email = (address: string): string => canonicalAddress('email', address)
  t.equal(email(' Ada@Example.ORG '), 'ada@example.org')
  t.equal(email('x@müller.de'), email('X@xn--mller-kva.de'))
  t.equal(email('x@MÜLLER.de'), email('x@müller.de'))
  t.not(email('a@example.org'), email('b@example.org'))
  t.equal(email('not an address'), email('not an address'), 'and what is none is itself')
  t.not(email('one'), email('two'))
})

t.test('spellings of one URL are one', async (t) => {
  const hook = (address: string): string => canonicalAddress('webhook', address)
  const canonical = 'https://a.example/Hook?b=1'
  for (const spelling of [
    ` ${canonical} `,
    'HTTPS://A.EXAMPLE:443/x/../Hook?b=1#part',
    'https://a.example./Hook?b=1',
    canonical,
  ])
    t.equal(hook(spelling), canonical, spelling)
  for (const other of ['http://a.example/Hook?b=1', 'https://a.example/hook?b=1', 'https://a.example/Hook'])
    t.not(hook(other), canonical, other)
  t.equal(hook('https://bücher.example/ä'), 'https://xn--bcher-kva.example/%C3%A4')
  t.equal(hook(hook('https://a.example/a b')), hook('https://a.example/a b'))
  t.equal(hook('no URL'), 'no URL')
})

t.test('an address stands in the metadata, a registered endpoint by its name', async (t) => {
  t.same(addressMetadata('email', 'ada@example.org'), { email: 'ada@example.org' })
  t.same(addressMetadata('webhook', 'https://a.example/'), { webhook_url: 'https://a.example/' })
  t.same(addressMetadata('webhook', 'whe_1'), { webhook_endpoint: 'whe_1' })
  t.same(addressMetadata('sms', 'whe_1'), { phone: 'whe_1' })
  t.same(addressMetadata('email', null), {})
  t.same(addressMetadata('in_app', 'ada'), {})
})
