import { createSocket } from 'node:dgram'
import type { LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import t from 'tap'
import { checkedLookup, type LookupOptions } from '../../src/sinks/outbound/lookup.js'

const PUBLIC = { address: '8.8.8.8', family: 4 }
const PUBLIC_6 = { address: '2606:4700:4700::1111', family: 6 }
const LOOPBACK = { address: '127.0.0.1', family: 4 }

/** Asks as `net.connect` does. */
function ask(options: Partial<LookupOptions>) {
  const lookup = checkedLookup({ allowPrivate: false, timeoutMs: 10_000, ...options })
  return (hostname: string, all = true) =>
    new Promise<string | LookupAddress[]>((resolve, reject) => {
      lookup(hostname, { all }, (error, answer) => (error === null ? resolve(answer) : reject(error)))
    })
}

t.test('hands out public addresses only', async (t) => {
  const mixed = ask({ lookup: async () => [LOOPBACK, PUBLIC_6, { address: '10.0.0.1', family: 4 }, PUBLIC] })
  t.same(await mixed('mixed.test'), [PUBLIC_6, PUBLIC])
  t.equal(await mixed('mixed.test', false), PUBLIC_6.address)
  await t.rejects(ask({ lookup: async () => [LOOPBACK] })('inside.test'), { code: 'ADDRESS_REFUSED' })
  await t.rejects(ask({ lookup: async () => [] })('empty.test'), { code: 'ADDRESS_REFUSED' })
})

t.test('hands out all addresses where private ones are allowed', async (t) => {
  t.same(await ask({ allowPrivate: true, lookup: async () => [LOOPBACK, PUBLIC] })('a.test'), [
    LOOPBACK,
    PUBLIC,
  ])
})

t.test('asks the system by default', async (t) => {
  await t.rejects(ask({})('localhost'), { code: 'ADDRESS_REFUSED' })
  t.match(JSON.stringify(await ask({ allowPrivate: true })('localhost')), /"(127\.0\.0\.1|::1)"/)
})

t.test('keeps what the resolver says', async (t) => {
  const notFound = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
  await t.rejects(ask({ lookup: async () => Promise.reject(notFound) })('gone.test'), notFound)
})

t.test('does not wait for a DNS server that is silent', async (t) => {
  const server = createSocket('udp4').bind(0, '127.0.0.1')
  await once(server, 'listening')
  const resolver = new Resolver({ timeout: 60_000, tries: 1 })
  resolver.setServers([`127.0.0.1:${server.address().port}`])
  t.teardown(() => {
    resolver.cancel()
    server.close()
  })
  const lookup = async (hostname: string) =>
    (await resolver.resolve4(hostname)).map((address) => ({ address, family: 4 }))
  await t.rejects(ask({ timeoutMs: 20, lookup })('slow.test'), { code: 'LOOKUP_TIMEOUT' })
})
t.test('bounds the lookups under way and shares those of one name, but keeps no answer', async (t) => {
  const answers: ((addresses: LookupAddress[]) => void)[] = []
  const asked: string[] = []
  const get = ask({
    maxPending: 2,
    lookup: (hostname) => {
      asked.push(hostname)
      return new Promise((resolve) => answers.push(resolve))
    },
  })
  const waiting = [get('a.test'), get('a.test'), get('b.test')]
  await t.rejects(get('c.test'), { code: 'LOOKUP_BUSY' })
  t.same(asked, ['a.test', 'b.test'])
  for (const answer of answers.splice(0)) answer([PUBLIC])
  t.same(await Promise.all(waiting), [[PUBLIC], [PUBLIC], [PUBLIC]])

  const again = get('a.test')
  t.same(asked, ['a.test', 'b.test', 'a.test'])
  for (const answer of answers) answer([LOOPBACK])
  await t.rejects(again, { code: 'ADDRESS_REFUSED' })
})
