import t from 'tap'
import type { Behaviour } from '../support/sms/stand-in.js'
import { aMessage, failureOf, NEVER, VENDORS } from '../support/sms/vendors.js'

const GIVE_UP_MS = 300

const DEFINITE = { retryable: true, uncertain: false } as const
const UNCERTAIN = { retryable: false, uncertain: true } as const

/** What a vendor does, and what that means: whether it may have taken the message. */
const behaviours: readonly (readonly [Behaviour, object])[] = [
  [
    'drop in the handshake',
    { ...DEFINITE, code: 'connection_failed', message: /no connection to \w+ \(ECONNRESET\)/ },
  ],
  ['hang in the handshake', { ...DEFINITE, code: 'timeout', message: /no connection to \w+ in time/ }],
  ['drop before reading', { ...UNCERTAIN, code: 'connection_failed', message: /lost before it answered/ }],
  ['drop after reading', { ...UNCERTAIN, code: 'connection_failed', message: /lost before it answered/ }],
  ['drop in the answer', { ...UNCERTAIN, code: 'unavailable', message: /cannot be read \(HTTP 200\)/ }],
  ['hang', { ...UNCERTAIN, code: 'timeout', message: /given up before \w+ answered/ }],
  ['hang in the answer', { ...UNCERTAIN, code: 'timeout' }],
  ['answer without end', { ...UNCERTAIN, code: 'unavailable' }],
  [
    { status: 500, body: '{"Code":"Nobody.Knows","Message":""}' },
    { ...UNCERTAIN, code: 'unavailable' },
  ],
  [{ status: 503 }, { ...UNCERTAIN, code: 'unavailable', message: /HTTP 503/ }],
  [{ status: 408 }, { ...UNCERTAIN, code: 'unavailable', message: /HTTP 408/ }],
  [{ status: 404 }, { ...DEFINITE, code: 'unavailable', message: /answered with HTTP 404/ }],
  [{ status: 429 }, { ...DEFINITE, code: 'throttled', message: /HTTP 429/ }],
  [
    { status: 403, body: '{"message":"blocked"}' },
    { ...DEFINITE, code: 'unavailable', message: /HTTP 403/ },
  ],
  [
    { status: 429, body: '{"Code":7}' },
    { ...DEFINITE, code: 'throttled', message: /HTTP 429/ },
  ],
  [
    { status: 408, body: '{"message":"too late"}' },
    { ...UNCERTAIN, code: 'unavailable', message: /HTTP 408/ },
  ],
  [{ status: 200 }, { ...UNCERTAIN, code: 'unavailable', message: /HTTP 200/ }],
  [
    { status: 200, body: '{}' },
    { ...UNCERTAIN, code: 'unavailable' },
  ],
  [
    { status: 200, body: '{"Response":{"SendStatusSet":[]}}' },
    { ...UNCERTAIN, code: 'unavailable' },
  ],
  [
    { status: 200, body: 'null' },
    { ...UNCERTAIN, code: 'unavailable' },
  ],
]

for (const [name, start] of Object.entries(VENDORS)) {
  for (const [behaviour, expected] of behaviours) {
    t.test(`${name}: ${JSON.stringify(behaviour)}`, async (t) => {
      const { vendor, provider } = await start(t, () => behaviour)
      const failure = await failureOf(provider.send(aMessage(), AbortSignal.timeout(GIVE_UP_MS)))
      t.match(failure, { ...expected, provider: name })
      await vendor.quiet()
      t.equal(vendor.connections, 1, 'not asked a second time')
      vendor.behave = () => 'take'
      t.match(await provider.send(aMessage(), NEVER), { providerId: /\d/ }, 'the next one goes out')
    })
  }

  t.test(`${name}: a redirect is not followed`, async (t) => {
    const elsewhere = await start(t)
    const location = `https://dysmsapi.test:${elsewhere.vendor.port}/`
    const { vendor, provider } = await start(t, () => ({ status: 307, body: '', headers: { location } }))
    t.match(await failureOf(provider.send(aMessage(), NEVER)), { ...UNCERTAIN, code: 'unavailable' })
    await vendor.quiet()
    t.same([vendor.connections, elsewhere.vendor.connections], [1, 0])
  })

  // The second request waits for the first one's connection to close, and then no caller is left to throw at.
  for (const status of [301, 302, 303, 307, 308]) {
    t.test(`${name}: nor is one to the same place: ${status}`, async (t) => {
      const { vendor, provider } = await start(t)
      const location = name === 'aliyun' ? '/login' : `https://sms.tencentcloudapi.test:${vendor.port}/login`
      vendor.behave = () => ({ status, body: '', headers: { location } })
      t.match(await failureOf(provider.send(aMessage(), NEVER)), { ...UNCERTAIN, code: 'unavailable' })
      await vendor.quiet()
      t.equal(vendor.connections, 1)
    })
  }

  t.test(`${name}: a certificate that nobody signed`, async (t) => {
    const { vendor, provider } = await start(t, undefined, { ca: undefined })
    const failure = await failureOf(provider.send(aMessage(), NEVER))
    t.match(failure, { ...DEFINITE, code: 'connection_failed', message: /\(DEPTH_ZERO_SELF_SIGNED_CERT\)/ })
    t.match(failure.cause, { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    await vendor.quiet()
    t.equal(vendor.requests, 0, 'it was told nothing')
  })

  t.test(`${name}: nobody listens, or the name is not known`, async (t) => {
    const closed = { endpoint: new URL('https://dysmsapi.test:1') }
    const nowhere = await start(t, undefined, closed)
    const refused = await failureOf(nowhere.provider.send(aMessage(), NEVER))
    t.match(refused, { ...DEFINITE, code: 'connection_failed', message: /\(ECONNREFUSED\)/ })
    const unknown = await start(t, undefined, {
      lookup: (name, _options, found) =>
        found(Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' }), [], undefined),
    })
    const failure = await failureOf(unknown.provider.send(aMessage(), NEVER))
    t.match(failure, { ...DEFINITE, code: 'connection_failed', message: /\(ENOTFOUND\)/ })
  })

  t.test(`${name}: cut off by the caller`, async (t) => {
    const { vendor, provider } = await start(t, () => 'hang')
    const controller = new AbortController()
    const sending = failureOf(provider.send(aMessage(), controller.signal))
    await vendor.received(1)
    controller.abort()
    t.match(await sending, { ...UNCERTAIN, code: 'abandoned' })
    await vendor.quiet()
    t.match(await failureOf(provider.send(aMessage(), controller.signal)), { ...DEFINITE, code: 'abandoned' })
    t.equal(vendor.connections, 1, 'and once it is, nothing is begun')
  })
}

t.test('nothing is left running', async (t) => {
  for (const start of Object.values(VENDORS)) {
    for (const behaviour of ['hang', 'hang in the answer', 'hang in the handshake'] as const) {
      const { vendor, provider } = await start(t, () => behaviour)
      const before = timers()
      const controller = new AbortController()
      const sending = failureOf(provider.send(aMessage(), controller.signal))
      await (behaviour === 'hang in the handshake'
        ? vendor.watch.until(() => vendor.connections === 1, 'the connection')
        : vendor.received(1))
      controller.abort()
      await sending
      await vendor.quiet()
      t.equal(timers(), before, behaviour)
    }
    const { provider } = await start(t, () => 'drop after reading')
    const before = timers()
    await failureOf(provider.send(aMessage(), NEVER))
    t.equal(timers(), before, 'and nothing waits for what is gone')
  }
})

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
