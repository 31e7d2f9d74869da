import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import type { Device } from '../../src/model/device.js'
import { Apple, TOPIC } from '../support/push/apple.js'
import type { Behaviour } from '../support/push/behaviour.js'
import { appleToken, iphone, stand } from '../support/push/stand.js'

const ID = 'notif_01957a3c-0000-7000-8000-000000000001'
const apple = await Apple.start(t)

t.beforeEach(() => {
  apple.taken.length = 0
  apple.asked.length = 0
  apple.onPush = () => undefined
})

t.test('what is sent to a device', async (t) => {
  const { push } = stand(t, { apple })
  const expiresAt = Date.now() + 60_000
  const receipt = await push(iphone('one'), {
    id: ID,
    priority: 'critical',
    notificationType: 'billing',
    title: 'Paid',
    content: 'Thank you',
    expiresAt,
    metadata: { order: 'A7', phone: '+8613800138000', aps: 'mine' },
  })
  t.same(receipt, { provider: 'apns', providerId: ID.slice(6), note: 'apns 1 of 1' })
  const [taken] = apple.taken
  t.match(taken?.headers, {
    'apns-topic': TOPIC,
    'apns-priority': '10',
    'apns-push-type': 'alert',
    'apns-collapse-id': ID,
    'apns-id': ID.slice(6),
    'apns-expiration': String(Math.floor(expiresAt / 1000)),
  })
  t.strictSame(taken?.payload, {
    order: 'A7',
    id: ID,
    type: 'billing',
    aps: { alert: { title: 'Paid', body: 'Thank you' }, sound: 'default' },
  })
})

t.test('a silent push goes in the background', async (t) => {
  const { push } = stand(t, { apple })
  await push(iphone('one'), { priority: 'critical', title: 'T', content: 'C', metadata: { silent: true } })
  const [taken] = apple.taken
  t.match(taken?.headers, { 'apns-priority': '5', 'apns-push-type': 'background' })
  t.strictSame(taken?.payload.aps, { 'content-available': 1 })
  t.match(taken?.payload, { title: 'T', content: 'C' })
})

t.test('what each answer means', async (t) => {
  const { push, gone } = stand(t, { apple, rest: { tries: 1 } })
  await push(iphone('taken'))
  const cases: [answer: Behaviour, expected: object][] = [
    [{ status: 410, reason: 'Unregistered', timestamp: 1_700_000_000_000 }, { code: 'gone' }],
    [{ status: 410, reason: 'ExpiredToken', timestamp: 1_700_000_000_000 }, { code: 'gone' }],
    [
      { status: 400, reason: 'BadDeviceToken' },
      { code: 'gone', retryable: false },
    ],
    [
      { status: 400, reason: 'DeviceTokenNotForTopic' },
      { code: 'account_refused', retryable: true },
    ],
    [{ status: 403, reason: 'BadEnvironmentKeyInToken' }, { code: 'account_refused' }],
    [{ status: 403, reason: 'InvalidProviderToken' }, { code: 'account_refused' }],
    [{ status: 403, reason: 'Forbidden' }, { code: 'account_refused' }],
    [
      { status: 400, reason: 'BadMessageId' },
      { code: 'rejected', retryable: false },
    ],
    [
      { status: 413, reason: 'PayloadTooLarge' },
      { code: 'rejected', retryable: false },
    ],
    [
      { status: 429, reason: 'TooManyRequests' },
      { code: 'throttled', retryable: true },
    ],
    [
      { status: 429, reason: 'TooManyProviderTokenUpdates' },
      { code: 'throttled', retryable: true },
    ],
    [
      { status: 500, reason: 'InternalServerError' },
      { code: 'unavailable', retryable: true },
    ],
    [
      { status: 503, reason: 'ServiceUnavailable' },
      { code: 'unavailable', retryable: true },
    ],
    [
      { status: 503, reason: 'Shutdown' },
      { code: 'unavailable', retryable: true },
    ],
    [
      { status: 502, reason: '', text: '<html>' },
      { code: 'connection_failed', retryable: true },
    ],
    ['drop', { code: 'connection_failed', retryable: true }],
    ['goaway', { code: 'connection_failed', retryable: true }],
  ]
  for (const [answer, expected] of cases) {
    apple.asked.length = 0
    apple.onPush = () => answer
    const failure = await push(iphone('secret'))
    const name = JSON.stringify(answer)
    t.match(failure, { ...expected, provider: 'apns' }, name)
    t.equal(apple.asked.length, 1, `${name} is not repeated by the SDK`)
    t.notOk(JSON.stringify([failure, `${failure}`]).includes(appleToken('secret')), 'no token in it')
  }
  t.same(
    gone.map(({ goneAt }) => goneAt),
    [1_700_000_000_000, 1_700_000_000_000, null],
  )
})

t.test('a token of the wrong environment is kept: nothing was taken there yet', async (t) => {
  const { push, gone } = stand(t, { apple })
  apple.onPush = (token) =>
    token === appleToken('bad') ? { status: 400, reason: 'BadDeviceToken' } : undefined
  t.match(await push(iphone('bad')), { code: 'invalid_address', retryable: false })
  t.same(gone, [])
  t.match(await push(iphone('bad', 'good')), { note: 'apns 1 of 2, 1 removed' })
  t.match(gone, [{ token: appleToken('bad') }])
})

t.test('a token in two spellings is one device', async (t) => {
  const { push } = stand(t, { apple })
  const token = appleToken('jklmno')
  const devices: Device[] = [token, token.toUpperCase()].map((spelt) => ({ platform: 'apns', token: spelt }))
  t.match(await push(devices), { note: 'apns 1 of 1' })
  t.same(apple.asked, [token])
})

t.test('a token that is none never gets into a path', async (t) => {
  const { push } = stand(t, { apple })
  const receipt = await push([...iphone('good'), { platform: 'apns', token: '../../evil' }])
  t.match(receipt, { note: 'apns 1 of 2, 1 removed' })
  t.same(apple.asked, [appleToken('good')])
})

t.test('a provider token that has expired is replaced, within the attempt', async (t) => {
  const { push } = stand(t, { apple })
  await push(iphone('one'))
  const [old] = [...apple.providerTokens].slice(-1)
  // The SDK's tokens differ by the second in which they were made.
  const expired = Math.floor(Date.now() / 1000)
  while (Math.floor(Date.now() / 1000) === expired) await new Promise((next) => setTimeout(next, 50))
  apple.onPush = (_token, time) => (time === 1 ? { status: 403, reason: 'ExpiredProviderToken' } : undefined)
  t.match(await push(iphone('two')), { note: 'apns 1 of 1' })
  const [renewed] = [...apple.providerTokens].slice(-1)
  t.not(renewed, old)
  t.same(apple.asked.slice(-2), [appleToken('two'), appleToken('two')])
})

t.test('tried again within the attempt, over another connection', async (t) => {
  for (const trouble of ['drop', 'goaway'] as const) {
    const { push } = stand(t, { apple })
    const name = `${trouble}-1`
    apple.asked.length = 0
    apple.onPush = (_token, time) => (time === 1 ? trouble : undefined)
    t.match(await push(iphone(name)), { note: 'apns 1 of 1' })
    t.equal(apple.asked.length, 2)
  }
})

t.test('a hung connection ends at the deadline, and the next push has another one', async (t) => {
  const { push } = stand(t, { apple, apns: { timeoutMs: 300 }, rest: { tries: 1 } })
  await push(iphone('warm'))
  const { connections } = apple
  apple.onPush = () => 'hang'
  t.match(await push(iphone('hung')), { code: 'timeout', retryable: true, provider: 'apns' })
  await apple.watch.until(() => apple.sockets.size === 0, 'the connection to be dropped')
  apple.onPush = () => undefined
  t.match(await push(iphone('next')), { note: 'apns 1 of 1' })
  t.equal(apple.connections, connections + 1)
})

t.test('one device that hangs does not hold back what is known of the others', async (t) => {
  const { push } = stand(t, { apple, apns: { timeoutMs: 300 }, rest: { tries: 1 } })
  apple.onPush = (token) => (token === appleToken('hung') ? 'hang' : undefined)
  const { connections } = apple
  t.match(await push(iphone('good', 'hung')), { note: 'apns 1 of 2, 1 timeout' })
  t.match(await push(iphone('next')), { note: 'apns 1 of 1' })
  t.equal(apple.connections, connections + 1, 'over the same connection: it answers')
})

t.test('a thousand devices over one connection', async (t) => {
  const { push } = stand(t, { apple, apns: { timeoutMs: 30_000 } })
  const { connections } = apple
  const names = Array.from({ length: 1000 }, (_, n) => `device-${n}`)
  t.match(await push(iphone(...names)), { note: 'apns 1000 of 1000' })
  t.equal(apple.connections, connections + 1)
})

t.test('the connection is gone after close', async (t) => {
  const { push, sink } = stand(t, { apple })
  await push(iphone('one'))
  t.not(apple.sockets.size, 0)
  await sink.close()
  await apple.watch.until(() => apple.sockets.size === 0, 'the connection to be closed')
})

t.test('keys that cannot be used stop the service and are not repeated', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'secp384r1',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  for (const [key, message] of [
    ['/no/such/key.p8', /no such file/],
    ['-----BEGIN PRIVATE KEY-----\\nsecret\\n-----END PRIVATE KEY-----', /PEM/],
    [privateKey, /P-256/],
  ] as const) {
    t.throws(() => stand(t, { apple, apns: { key } }), { message })
    t.throws(() => stand(t, { apple, apns: { key } }), { message: /^(?!.*secret)/ })
  }
})
