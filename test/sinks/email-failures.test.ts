import t from 'tap'
import { ADDRESS, failureOf, keptLog, mailTo, NEVER, smtpSink } from '../support/email.js'
import { readMail } from '../support/mime.js'
import { DROP, HANG, type SmtpAction, type SmtpStep, startSmtp, startStandIn } from '../support/smtp.js'

/** Servers like to repeat the address. */
const echo = (code: string): string => `${code} <${ADDRESS}>: no`

const refusals: readonly (readonly [
  SmtpStep,
  string,
  { code: string; retryable: boolean; message: RegExp },
])[] = [
  ['greeting', '554 no service', { code: 'unavailable', retryable: true, message: /554 to the connection/ }],
  ['greeting', '421 4.3.2 later', { code: 'throttled', retryable: true, message: /421 4\.3\.2/ }],
  ['EHLO', '550 who', { code: 'unavailable', retryable: true, message: /550 to HELO/ }],
  ['MAIL', echo('421 4.7.0'), { code: 'throttled', retryable: true, message: /421 4\.7\.0 to MAIL FROM/ }],
  ['MAIL', echo('451 4.3.0'), { code: 'throttled', retryable: true, message: /451 4\.3\.0 to MAIL FROM/ }],
  ['MAIL', echo('550 5.7.1'), { code: 'rejected', retryable: false, message: /550 5\.7\.1 to MAIL FROM/ }],
  ['MAIL', echo('530 5.7.0'), { code: 'unavailable', retryable: true, message: /530 5\.7\.0 to MAIL FROM/ }],
  ['MAIL', echo('503 5.5.1'), { code: 'unavailable', retryable: true, message: /503 5\.5\.1/ }],
  [
    'RCPT',
    echo('550 5.1.1'),
    { code: 'invalid_address', retryable: false, message: /550 5\.1\.1 to RCPT TO$/ },
  ],
  ['RCPT', echo('556 5.1.10'), { code: 'invalid_address', retryable: false, message: /556 5\.1\.10/ }],
  ['RCPT', echo('553'), { code: 'invalid_address', retryable: false, message: /553 to RCPT TO$/ }],
  ['RCPT', echo('550 5.7.1'), { code: 'rejected', retryable: false, message: /550 5\.7\.1 to RCPT TO$/ }],
  ['RCPT', echo('554'), { code: 'rejected', retryable: false, message: /554 to RCPT TO$/ }],
  ['RCPT', echo('450 4.2.0'), { code: 'throttled', retryable: true, message: /450 4\.2\.0 to RCPT TO$/ }],
  ['RCPT', echo('452 4.2.2'), { code: 'throttled', retryable: true, message: /452 4\.2\.2/ }],
  ['RCPT', echo('455'), { code: 'unavailable', retryable: true, message: /455 to RCPT TO$/ }],
  ['DATA', echo('554 5.5.1'), { code: 'rejected', retryable: false, message: /554 5\.5\.1 to DATA$/ }],
  ['dot', echo('550 5.1.1'), { code: 'rejected', retryable: false, message: /550 5\.1\.1 to the message$/ }],
  ['dot', echo('554-5.6.0'), { code: 'rejected', retryable: false, message: /554 5\.6\.0 to the message$/ }],
  ['dot', echo('451 4.7.1'), { code: 'throttled', retryable: true, message: /451 4\.7\.1 to the message$/ }],
  ['dot', echo('421 4.3.2'), { code: 'throttled', retryable: true, message: /421 4\.3\.2 to the message$/ }],
]

for (const [step, reply, expected] of refusals) {
  t.test(`${reply.slice(0, 10)} at ${step} is ${expected.code}`, async (t) => {
    let refusing = true
    const whole = reply.replace(/^(\d{3})-(.*)$/, '$1-$2\r\n$1 end')
    const server = await startStandIn(t, (at) => (refusing && at === step ? whole : undefined))
    const { log, lines } = keptLog()
    const sink = smtpSink(t, server.port, { log })
    const failure = await failureOf(sink.send(mailTo(ADDRESS), NEVER))
    t.match(failure, expected)
    log.event('notification.failed', { err: failure })
    t.notMatch(lines.join(), /reader@/, 'the address is neither in the message nor in a cause')

    refusing = false
    t.same(await sink.send(mailTo(ADDRESS), NEVER), { providerId: 'RAW' }, 'the next one goes out')
  })
}

for (const step of ['EHLO', 'MAIL', 'RCPT', 'DATA', 'body', 'dot'] as const) {
  t.test(`a connection lost at ${step} is tried again with the same Message-ID`, async (t) => {
    const server = await startStandIn(t, (at, connection) =>
      at === step && connection === 1 ? DROP : undefined,
    )
    const sink = smtpSink(t, server.port, { poolSize: 1 })
    const notification = mailTo(ADDRESS)
    const failure = await failureOf(sink.send(notification, NEVER))
    t.match(failure, { code: 'connection_failed', retryable: true })
    t.equal(server.opened, 1, 'nothing is sent twice behind our back')

    await sink.send({ ...notification, attempt: 2 }, NEVER)
    const ids = server.taken.map((raw) => readMail(raw).header('message-id'))
    const id = `<${notification.id}@sender.example>`
    t.same(ids, step === 'dot' ? [id, id] : [id])
  })
}

t.test('a server that hangs up before its greeting is a failed connection', async (t) => {
  const server = await startStandIn(t, () => DROP)
  const failure = await failureOf(smtpSink(t, server.port).send(mailTo(ADDRESS), NEVER))
  t.match(failure, { code: 'connection_failed', retryable: true })
})

t.test('nobody listening, and no such host', async (t) => {
  const closers: (() => Promise<void>)[] = []
  const { port } = await startStandIn({ teardown: (close) => void closers.push(close) }, () => undefined)
  await Promise.all(closers.map((close) => close()))
  t.match(await failureOf(smtpSink(t, port).send(mailTo(ADDRESS), NEVER)), {
    code: 'connection_failed',
    retryable: true,
    message: /ECONNREFUSED/,
  })
  t.match(await failureOf(smtpSink(t, port, { host: 'mail.invalid' }).send(mailTo(ADDRESS), NEVER)), {
    code: 'connection_failed',
    retryable: true,
  })
})

t.test('silence is a timeout, at every step', async (t) => {
  for (const step of ['greeting', 'EHLO', 'RCPT', 'DATA', 'dot'] as const) {
    const server = await startStandIn(t, (at, connection) =>
      at === step && connection === 1 ? HANG : undefined,
    )
    const sink = smtpSink(t, server.port, { timeouts: { greetingMs: 150, deliveryMs: 150 }, poolSize: 1 })
    const failure = await failureOf(sink.send(mailTo(ADDRESS), NEVER))
    t.match(failure, { code: 'timeout', retryable: true }, step)
    await server.gone(1)
    await sink.send(mailTo(ADDRESS), NEVER)
  }
})

t.test('a message that is larger than the server takes is rejected', async (t) => {
  const server = await startSmtp(t, { size: 2_000, rejectOversized: true })
  const failure = await failureOf(
    smtpSink(t, server.port).send(mailTo(ADDRESS, { content: `<p>${'x'.repeat(5_000)}</p>` }), NEVER),
  )
  t.match(failure, { code: 'rejected', retryable: false, message: /552 to the message$/ })
})

t.test('a reply that is not SMTP is a failed connection', async (t) => {
  const server = await startStandIn(t, (step): SmtpAction | undefined =>
    step === 'greeting' ? 'HTTP/1.1 400' : undefined,
  )
  const failure = await failureOf(smtpSink(t, server.port).send(mailTo(ADDRESS), NEVER))
  t.match(failure, { code: 'connection_failed', retryable: true })
})
