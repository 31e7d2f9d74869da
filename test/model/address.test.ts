import t from 'tap'
import { canonicalAddress } from '../../src/model/address.js'

t.test('spellings of one mailbox are one', async (t) => {
  const email = (address: string): string => canonicalAddress('email', address)
  t.equal(email(' Ada@Example.ORG '), 'ada@example.org')
  t.equal(email('x@müller.de'), email('X@xn--mller-kva.de'))
  t.equal(email('x@MÜLLER.de'), email('x@müller.de'))
  t.not(email('a@example.org'), email('b@example.org'))
  t.equal(email('not an address'), email('not an address'), 'and what is none is itself')
  t.not(email('one'), email('two'))
  t.equal(canonicalAddress('webhook', ' https://a.example/Hook '), 'https://a.example/Hook')
})
