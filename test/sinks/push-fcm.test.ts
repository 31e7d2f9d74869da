import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import type { Behaviour } from '../support/push/behaviour.js'
import { Google } from '../support/push/google.js'
import { android, stand } from '../support/push/stand.js'

const ID = 'notif_01957a3c-0000-7000-8000-000000000001'
const google = await Google.start(t)

t.beforeEach(() => {
  google.taken.length = 0
  google.asked.length = 0
  google.onMessage = () => undefined
  google.onToken = () => undefined
  google.onTunnel = () => 200
})

t.test('what is sent to a device', async (t) => {
  const { push } = stand(t, { google })
  const expiresAt = Date.now() + 60_000
  const receipt = await push(android('one'), {
    id: ID,
    priority: 'high',
    notificationType: 'billing',
    title: 'Paid',
    content: 'Thank you',
    expiresAt,
    metadata: { order: 'A7', amount: 3, paid: true, nested: { a: 1 }, email: 'a@example.com', from: 'x' },
  })
  t.match(receipt, { provider: 'fcm', providerId: /^projects\/stand-in\/messages\//, note: 'fcm 1 of 1' })
  const [message] = google.taken
  t.match(message, {
    token: 'one',
    notification: { title: 'Paid', body: 'Thank you' },
    android: { priority: 'high', notification: { tag: ID } },
    apns: { headers: { 'apns-priority': '10', 'apns-collapse-id': ID } },
  })
  t.strictSame(message?.data, { order: 'A7', amount: '3', paid: 'true', id: ID, type: 'billing' })
  const ttl = Number.parseFloat(String(message?.android?.ttl))
  t.ok(ttl > 55 && ttl <= 60, `a time to live of ${ttl} s`)
  t.notOk('collapse_key' in (message?.android ?? {}), 'of which FCM would keep only four')
})

t.test('a silent push is data only, and never urgent', async (t) => {
  const { push } = stand(t, { google })
  await push(android('one'), { priority: 'critical', title: 'T', content: 'C', metadata: { silent: true } })
  const [message] = google.taken
  t.notOk(message?.notification)
  t.strictSame(message?.android, { priority: 'normal' })
  t.match(message?.data, { title: 'T', content: 'C' })
  t.match(message?.apns, { payload: { aps: { 'content-available': 1 } } })
})

t.test('one access token for many calls, and a new one when Google does not take it', async (t) => {
  const { push } = stand(t, { google })
  const before = google.accessTokens
  await Promise.all(['a', 'b', 'c'].map((token) => push(android(token))))
  t.equal(google.accessTokens, before + 1)
  google.revoke()
  t.match(await push(android('d')), { code: 'account_refused', retryable: true })
  t.match(await push(android('d')), { note: 'fcm 1 of 1' })
  t.equal(google.accessTokens, before + 2)
})

t.test('what each answer means', async (t) => {
  const { push, gone } = stand(t, { google, rest: { tries: 1 } })
  await push(android('taken'))
  const html = { text: '<html>', reason: '' }
  const cases: [answer: Behaviour, expected: object][] = [
    [
      { status: 404, reason: 'UNREGISTERED' },
      { code: 'gone', retryable: false },
    ],
    [
      { status: 400, reason: 'INVALID_TOKEN' },
      { code: 'gone', retryable: false },
    ],
    [
      { status: 400, reason: 'INVALID_ARGUMENT' },
      { code: 'rejected', retryable: false },
    ],
    [{ status: 403, reason: 'SENDER_ID_MISMATCH' }, { code: 'account_refused' }],
    [{ status: 403, reason: 'PERMISSION_DENIED' }, { code: 'account_refused' }],
    [{ status: 401, reason: 'THIRD_PARTY_AUTH_ERROR' }, { code: 'account_refused' }],
    [
      { status: 429, reason: 'QUOTA_EXCEEDED', headers: { 'retry-after': '90' } },
      { code: 'throttled', retryable: true, retryAfterMs: 90_000 },
    ],
    [
      { status: 503, reason: 'UNAVAILABLE' },
      { code: 'unavailable', retryable: true, retryAfterMs: null },
    ],
    [
      { status: 503, reason: 'UNAVAILABLE', headers: { 'retry-after': '30' } },
      { code: 'unavailable', retryAfterMs: 30_000 },
    ],
    [
      { status: 500, reason: 'INTERNAL' },
      { code: 'unavailable', retryable: true },
    ],
    [
      { status: 503, ...html },
      { code: 'unavailable', retryable: true },
    ],
    [
      { status: 502, ...html },
      { code: 'unavailable', retryable: true },
    ],
    [
      { status: 403, ...html },
      { code: 'account_refused', retryable: true },
    ],
    ['drop', { code: 'connection_failed', retryable: true }],
  ]
  for (const [answer, expected] of cases) {
    google.asked.length = 0
    google.onMessage = () => answer
    const failure = await push(android('secret-token'))
    const name = JSON.stringify(answer)
    t.match(failure, { ...expected, provider: 'fcm' }, name)
    t.equal(google.asked.length, 1, `${name} is not repeated by the SDK`)
    t.notMatch(JSON.stringify([failure, `${failure}`]), /secret-token/, 'the token is not repeated')
  }
  t.equal(gone.length, 2)
})

t.test('a token that is unknown is kept: this project has taken nothing yet', async (t) => {
  const account = { ...JSON.parse(google.credentials), project_id: 'another' }
  const wrong = stand(t, { google, fcm: { credentials: JSON.stringify(account) } })
  t.match(await wrong.push(android('a', 'b')), { code: 'invalid_address', retryable: false })
  t.same(wrong.gone, [])
  const { push, gone } = stand(t, { google })
  google.onMessage = (token) => (token === 'dead' ? { status: 404, reason: 'UNREGISTERED' } : undefined)
  t.match(await push(android('dead')), { code: 'invalid_address' })
  t.match(await push(android('dead', 'good')), { note: 'fcm 1 of 2, 1 removed' })
  t.match(gone, [{ token: 'dead' }])
})

t.test('tried again within the attempt: only devices that failed in passing', async (t) => {
  const { push } = stand(t, { google })
  google.onMessage = (token, time) => {
    if (token === 'dead') return { status: 404, reason: 'UNREGISTERED' }
    return token === 'shaky' && time === 1 ? { status: 503, reason: 'UNAVAILABLE' } : undefined
  }
  t.match(await push(android('good', 'shaky', 'dead')), { note: 'fcm 2 of 3, 1 removed' })
  t.same(google.asked.toSorted(), ['dead', 'good', 'shaky', 'shaky'])
})

t.test('a call that hangs ends at its deadline, and tells what was delivered', async (t) => {
  const { push } = stand(t, { google, fcm: { timeoutMs: 300 } })
  google.onMessage = (token) => (token === 'hung' ? 'hang' : undefined)
  t.match(await push(android('good', 'hung')), { note: 'fcm 1 of 2, 1 timeout' })
  t.match(await push(android('hung')), { code: 'timeout', retryable: true, provider: 'fcm' })
  await google.watch.until(() => google.open === 0, 'the requests to be ended')
})

t.test(
  'a thousand devices: more than the SDK takes at once, and a bounded number of connections',
  async (t) => {
    const { push } = stand(t, { google, fcm: { timeoutMs: 30_000 } })
    google.mostOpen = 0
    const tokens = Array.from({ length: 1000 }, (_, n) => `device-${n}`)
    t.match(await push(android(...tokens)), { note: 'fcm 1000 of 1000' })
    t.same(new Set(google.taken.map(({ token }) => token)).size, 1000)
    t.ok(google.mostOpen <= 100, `${google.mostOpen} at once`)
  },
)

t.test('those of a thousand that wait for a connection end at the deadline, too', async (t) => {
  const { push } = stand(t, { google, fcm: { timeoutMs: 400 } })
  await push(android('warm'))
  google.onMessage = () => 'hang'
  const tokens = Array.from({ length: 200 }, (_, n) => `device-${n}`)
  t.match(await push(android(...tokens)), { code: 'timeout', message: /fcm 0 of 200, 200 timeout/ })
  await google.watch.until(() => google.open === 0, 'the requests to be ended')
  google.onMessage = () => undefined
  t.match(await push(android('next')), { note: 'fcm 1 of 1' })
})

t.test('no access token', async (t) => {
  for (const [answer, code] of [
    [{ status: 400, reason: 'invalid_grant' }, 'account_refused'],
    ['hang', 'timeout'],
    ['drop', 'connection_failed'],
  ] as const) {
    const { push } = stand(t, { google, fcm: { timeoutMs: 400 }, rest: { tries: 1 } })
    google.onToken = () => answer
    t.match(await push(android('one')), { code, retryable: true, provider: 'fcm' })
    google.onToken = () => undefined
    t.match(await push(android('one')), { note: 'fcm 1 of 1' }, `${code} is forgotten`)
  }
})

t.test('the proxy', async (t) => {
  const proxy = google.proxy.replace('://', '://user:p%40ss@')
  const { push } = stand(t, { google, fcm: { proxy, timeoutMs: 400 }, rest: { tries: 1 } })
  await push(android('one'))
  const login = `Basic ${Buffer.from('user:p@ss').toString('base64')}`
  t.same(google.tunnels.slice(-2), [`oauth2.googleapis.com:443 ${login}`, `fcm.googleapis.com:443 ${login}`])
  for (const [status, code] of [
    [407, 'connection_failed'],
    [0, 'timeout'],
  ] as const) {
    google.onTunnel = () => status
    const other = stand(t, { google, fcm: { timeoutMs: 400 }, rest: { tries: 1 } })
    t.match(await other.push(android('one')), { code, retryable: true })
  }
})

t.test('credentials that cannot be used stop the service and are not repeated', async (t) => {
  const account = JSON.parse(google.credentials)
  const pem = { type: 'pkcs8', format: 'pem' } as const
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem)
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export(pem)
  for (const [credentials, message] of [
    ['/no/such/file.json', /no such file/],
    ['{"private_key": "secret', /not JSON/],
    ['{"private_key": "secret"}', /project_id/],
    [JSON.stringify({ ...account, private_key: 'secret' }), /PEM/],
    [JSON.stringify({ ...account, private_key: curve }), /RSA/],
    [JSON.stringify({ ...account, private_key: short }), /2048/],
  ] as const) {
    t.throws(() => stand(t, { google, fcm: { credentials } }), { message })
    t.throws(() => stand(t, { google, fcm: { credentials } }), { message: /^(?!.*secret)/ })
  }
})

t.test('a key in PKCS#1 does as well', async (t) => {
  const account = JSON.parse(google.credentials)
  const private_key = createPrivateKey(account.private_key).export({ type: 'pkcs1', format: 'pem' })
  const { push } = stand(t, { google, fcm: { credentials: JSON.stringify({ ...account, private_key }) } })
  t.match(await push(android('one')), { note: 'fcm 1 of 1' })
})
