import t, { type Test } from 'tap'
import { ADDRESS, failureOf, keptLog, mailTo, NEVER, smtpSink } from '../support/email.js'
import { makeCertificate, startSmtp } from '../support/smtp.js'
import { granted, oauth2, startTokenEndpoint, type TokenAnswer } from '../support/token-endpoint.js'
import { eventually } from '../support/waiting.js'

const certificate = await makeCertificate()

/** A mail server that takes XOAUTH2 over TLS and nothing else. */
async function mailServer(t: Test, good: ReadonlySet<string>) {
  const given: string[] = []
  const server = await startSmtp(t, {
    ...certificate,
    authOptional: false,
    authMethods: ['XOAUTH2'],
    onAuth: ({ method, username, accessToken }, _session, done) => {
      given.push(accessToken ?? '')
      if (method === 'XOAUTH2' && accessToken !== undefined && good.has(accessToken)) {
        done(null, { user: username })
      } else done(null, { data: { status: '401', schemes: 'bearer', scope: 'mail' } })
    },
  })
  return { server, given }
}

const overTls = { requireTls: true, tls: { ca: certificate.cert } }

t.test('one token for all connections, shown to the server as its owner', async (t) => {
  const { server, given } = await mailServer(t, new Set(['token-1']))
  const endpoint = await startTokenEndpoint(t, () => granted('token-1'))
  const sink = smtpSink(t, server.port, { ...overTls, login: oauth2(endpoint.url), poolSize: 3 })
  await Promise.all([1, 2, 3, 4].map(() => sink.send(mailTo(ADDRESS), NEVER)))
  t.equal(server.mails.length, 4)
  t.same([...new Set(server.mails.map(({ user }) => user))], ['mailer@sender.example'])
  t.ok(given.length > 1, 'several connections')
  t.same(endpoint.asked, [
    {
      grant_type: 'refresh_token',
      client_id: 'client-1',
      client_secret: 'hunter2',
      refresh_token: 'refresh-1',
    },
  ])
})

t.test('without a refresh token the client asks in its own name', async (t) => {
  const { server } = await mailServer(t, new Set(['token-1']))
  const endpoint = await startTokenEndpoint(t, () => granted('token-1'))
  await smtpSink(t, server.port, { ...overTls, login: oauth2(endpoint.url, null) }).send(
    mailTo(ADDRESS),
    NEVER,
  )
  t.match(endpoint.asked, [{ grant_type: 'client_credentials' }])
  t.notOk(Object.hasOwn(endpoint.asked[0] ?? {}, 'refresh_token'))
})

t.test('a token is renewed before it ends, with the refresh token that came with it', async (t) => {
  const { server } = await mailServer(t, new Set(['token-1', 'token-2']))
  // Half of a lifetime that is too short to be renewed a minute ahead is 5 ms.
  const endpoint = await startTokenEndpoint(t, (time) =>
    granted(`token-${time}`, { expires_in: time === 1 ? '0.01' : 3_600, refresh_token: 'refresh-2' }),
  )
  const login = oauth2(endpoint.url)
  const sink = smtpSink(t, server.port, { ...overTls, login, idleMs: 1 })
  await sink.send(mailTo(ADDRESS), NEVER)
  await eventually(async () => server.open === 0, 'the connection to be closed')
  await sink.send(mailTo(ADDRESS), NEVER)
  t.same(
    endpoint.asked.map(({ refresh_token }) => refresh_token),
    ['refresh-1', 'refresh-2'],
  )
})

t.test('a mail server that refuses a fresh token refuses the account', async (t) => {
  const { server } = await mailServer(t, new Set())
  const endpoint = await startTokenEndpoint(t, () => granted('token-1'))
  const { log, lines } = keptLog()
  const sink = smtpSink(t, server.port, { ...overTls, login: oauth2(endpoint.url), log })
  for (const _ of [1, 2]) {
    t.match(await failureOf(sink.send(mailTo(ADDRESS), NEVER)), {
      code: 'account_refused',
      retryable: true,
      message: /^login refused: the mail server answered 535/,
    })
  }
  t.equal(endpoint.asked.length, 1, 'the same refusal is not asked for again and again')
  t.equal(lines.filter((line) => line.includes('email.server_unusable')).length, 1)
  t.notMatch(lines.join(), /token-1|refresh-1|hunter2|reader@/)
})

const invalid = (error: string): TokenAnswer => ({
  status: 400,
  body: { error, error_description: 'mailer@sender.example hunter2' },
})

const failures: readonly (readonly [string, TokenAnswer, { code: string; message: RegExp }])[] = [
  [
    'a grant that was withdrawn',
    invalid('invalid_grant'),
    { code: 'account_refused', message: /: 400 invalid_grant$/ },
  ],
  ['an error of its own', invalid('<hunter2>'), { code: 'account_refused', message: /: 400$/ }],
  ['a wrong secret', { status: 401, body: '' }, { code: 'account_refused', message: /: 401$/ }],
  ['too many requests', { status: 429, body: '' }, { code: 'throttled', message: /429/ }],
  ['an outage', { status: 503, body: '<html>' }, { code: 'unavailable', message: /gave no token \(503\)/ }],
  ['no JSON', { status: 200, body: '<html>' }, { code: 'unavailable', message: /gave no token/ }],
  [
    'no token',
    { status: 200, body: { token_type: 'Bearer' } },
    { code: 'unavailable', message: /gave no token/ },
  ],
  ['a token that ends the line', granted('a\r\nb'), { code: 'unavailable', message: /gave no token/ }],
  [
    'a redirect',
    { status: 302, body: '', headers: { location: 'http://127.0.0.1:1/' } },
    { code: 'unavailable', message: /gave no token \(302\)/ },
  ],
  [
    'an endless answer',
    { status: 200, body: 'x'.repeat(1_000_000) },
    { code: 'connection_failed', message: /failed$/ },
  ],
  ['a dropped connection', 'drop', { code: 'connection_failed', message: /failed$/ }],
  ['silence', 'hang', { code: 'timeout', message: /did not answer in time/ }],
]

for (const [name, answer, expected] of failures) {
  t.test(`${name} at the token endpoint is ${expected.code}, and sends nothing`, async (t) => {
    const { server, given } = await mailServer(t, new Set(['token-1']))
    const endpoint = await startTokenEndpoint(t, () => answer)
    const { log, lines } = keptLog()
    const login = oauth2(endpoint.url)
    const sink = smtpSink(t, server.port, { ...overTls, login, log, timeouts: { connectMs: 300 } })
    const failure = await failureOf(sink.send(mailTo(ADDRESS), NEVER))
    t.match(failure, { ...expected, retryable: true })
    t.same(given, [])
    log.event('notification.failed', { err: failure })
    t.notMatch(lines.join(), /hunter2|refresh-1/)
    await failureOf(sink.send(mailTo(ADDRESS), NEVER))
    t.equal(endpoint.asked.length, 1, 'a backlog does not knock at it once for each mail')
  })
}
