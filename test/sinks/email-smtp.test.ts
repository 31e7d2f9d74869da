import t from 'tap'
import { createEmailSink } from '../../src/sinks/email/index.js'
import { ADDRESS, failureOf, keptLog, mailTo, NEVER, noExtras, password, smtpSink } from '../support/email.js'
import { readMail } from '../support/mime.js'
import { makeCertificate, startSmtp, startStandIn } from '../support/smtp.js'

t.test('delivers one message with its headers and both parts', async (t) => {
  const server = await startSmtp(t)
  const sink = smtpSink(t, server.port)
  const notification = mailTo(ADDRESS, {
    title: '账单已生成 – your bill is here, and this subject is long enough that it has to be folded',
    content: '<h1>你好</h1><p>Pay <a href="https://pay.example/1">now</a></p>',
    metadata: {
      email: ADDRESS,
      name: '张三',
      envelope: { to: ['victim@example.org'] },
      bcc: 'victim@example.org',
    },
  })
  t.equal(sink.target(notification), 'smtp')
  t.same(await sink.send(notification, NEVER), { providerId: 'Q1' })

  const [mail] = server.mails
  if (mail === undefined) return t.fail('nothing arrived')
  t.equal(server.mails.length, 1)
  t.equal(mail.from, 'billing@sender.example')
  t.same(mail.to, [ADDRESS])
  const { headers, header, parts } = readMail(mail.raw)
  t.equal(header('from'), 'Billing <billing@sender.example>')
  t.equal(header('to'), `张三 <${ADDRESS}>`)
  t.equal(header('subject'), notification.title)
  t.equal(header('message-id'), `<${notification.id}@sender.example>`)
  t.equal(header('auto-submitted'), 'auto-generated')
  t.ok(Math.abs(Date.parse(header('date') ?? '') - Date.now()) < 60_000, 'the date is now')
  t.match(header('content-type'), /^multipart\/alternative;/)
  t.same([...parts.keys()], ['text/plain', 'text/html'])
  t.equal(parts.get('text/html'), notification.content)
  t.equal(parts.get('text/plain'), '你好\n\nPay now (https://pay.example/1)')
  t.same(
    headers.map(([name]) => name).sort(),
    ['auto-submitted', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'],
    'and no other header',
  )
  t.ok(
    mail.raw.split('\r\n').every((line) => line.length <= 998),
    'lines are as short as RFC 5322 wants',
  )
})

t.test('plain content keeps its line breaks and shows its signs in both parts', async (t) => {
  const server = await startSmtp(t)
  await smtpSink(t, server.port).send(
    mailTo(ADDRESS, { content: 'a < b & "c"\nTom &amp; <me@x.example>\n.\n.end' }),
    NEVER,
  )
  const { parts } = readMail(server.mails[0]?.raw ?? '')
  t.equal(parts.get('text/plain'), 'a < b & "c"\nTom & <me@x.example>\n.\n.end')
  t.equal(
    parts.get('text/html'),
    'a &lt; b &amp; &quot;c&quot;<br>\nTom &amp; &lt;me@x.example&gt;<br>\n.<br>\n.end',
  )
})

t.test('no field can add a header or a recipient', async (t) => {
  const server = await startSmtp(t)
  const sink = smtpSink(t, server.port)
  const injections = [
    '\r\nBcc: victim@example.org',
    '\nX-Evil: 1',
    '\rX-Evil: 1',
    '\r\n\r\n<p>body</p>',
    '\u2028X-Evil: 1',
    '\0',
  ]
  for (const injection of injections) {
    const from = server.mails.length
    await sink.send(
      mailTo(ADDRESS, { title: `Hi${injection}`, metadata: { email: ADDRESS, name: `Eve${injection}` } }),
      NEVER,
    )
    await sink.send(
      mailTo(ADDRESS, { metadata: { email: ADDRESS, name: `"Eve" <victim@example.org>, x${injection}` } }),
      NEVER,
    )
    for (const { raw, to } of server.mails.slice(from)) {
      const { headers, header } = readMail(raw)
      t.same(to, [ADDRESS])
      t.same(headers.map(([name]) => name).sort(), [
        'auto-submitted',
        'content-type',
        'date',
        'from',
        'message-id',
        'mime-version',
        'subject',
        'to',
      ])
      t.ok(header('to')?.endsWith(`<${ADDRESS}>`))
    }
    const failure = await failureOf(sink.send(mailTo(`${ADDRESS}${injection}`), NEVER))
    t.match(failure, { code: 'invalid_address', retryable: false })
    t.notMatch(failure.message, /example/)
  }
  t.equal(server.mails.length, injections.length * 2)
})

t.test('a name that is no name is left out', async (t) => {
  const server = await startSmtp(t)
  const sink = smtpSink(t, server.port)
  for (const name of [17, { address: 'victim@example.org' }, 'x'.repeat(100_000)]) {
    await sink.send(mailTo(ADDRESS, { metadata: { email: ADDRESS, name } }), NEVER)
  }
  t.same(
    server.mails.map(({ raw }) => readMail(raw).header('to')),
    [ADDRESS, ADDRESS, ADDRESS],
  )
})

t.test('a hundred mails go over at most ten connections, which stay open', async (t) => {
  const server = await startSmtp(t)
  const sink = smtpSink(t, server.port, { poolSize: 10 })
  const worker = async (): Promise<void> => {
    for (let n = 0; n < 10; n += 1) await sink.send(mailTo(ADDRESS), NEVER)
  }
  await Promise.all(Array.from({ length: 10 }, worker))
  t.equal(server.mails.length, 100)
  t.equal(new Set(server.mails.map(({ raw }) => readMail(raw).header('message-id'))).size, 100)
  t.ok(server.opened <= 10, `${server.opened} connections`)
  t.equal(server.open, server.opened, 'all are kept')
})

t.test('what is more than twice the pool is refused, not queued', async (t) => {
  const server = await startSmtp(t)
  const sink = smtpSink(t, server.port, { poolSize: 2 })
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => sink.send(mailTo(ADDRESS), NEVER)))
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  t.equal(server.mails.length, 4)
  t.match(refused, [
    { code: 'unavailable', retryable: true },
    { code: 'unavailable', retryable: true },
  ])
  await sink.send(mailTo(ADDRESS), NEVER)
})

t.test('logs in with a password, over STARTTLS and over TLS from the start', async (t) => {
  const certificate = await makeCertificate()
  for (const secure of [false, true]) {
    const server = await startSmtp(t, {
      ...certificate,
      secure,
      authOptional: false,
      onAuth: ({ username, password }, _session, done) =>
        username === 'mailer' && password === 'hunter2' ? done(null, { user: username }) : done(null, {}),
    })
    const login = { login: password('mailer', 'hunter2'), secure, requireTls: !secure }
    const sink = smtpSink(t, server.port, { ...login, tls: { ca: certificate.cert } })
    await sink.send(mailTo(ADDRESS), NEVER)
    t.same(
      server.mails.map(({ secure: encrypted, user }) => ({ encrypted, user })),
      [{ encrypted: true, user: 'mailer' }],
    )

    const { log, lines } = keptLog()
    const wrong = smtpSink(t, server.port, {
      ...login,
      login: password('mailer', 'secret1'),
      tls: { ca: certificate.cert },
      log,
    })
    for (const _ of [1, 2]) {
      const failure = await failureOf(wrong.send(mailTo(ADDRESS), NEVER))
      t.match(failure, {
        code: 'account_refused',
        retryable: true,
        message: 'login refused: the mail server answered 535',
      })
    }
    t.equal(lines.filter((line) => line.includes('email.server_unusable')).length, 1, 'logged once')
    t.notMatch(lines.join(), /secret1|hunter2|reader@/)

    const distrustful = smtpSink(t, server.port, login)
    t.match(await failureOf(distrustful.send(mailTo(ADDRESS), NEVER)), {
      code: 'unavailable',
      retryable: true,
      message: /certificate is not accepted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    })
    t.equal(server.mails.length, 1)
  }
})

t.test('sends nothing in the clear when TLS is required and STARTTLS was stripped', async (t) => {
  const server = await startStandIn(t, () => undefined)
  const failure = await failureOf(
    smtpSink(t, server.port, { login: password('mailer', 'hunter2'), requireTls: true }).send(
      mailTo(ADDRESS),
      NEVER,
    ),
  )
  t.match(failure, {
    code: 'unavailable',
    retryable: true,
    message: /^TLS is not offered: .* 502 5\.5\.1 to STARTTLS$/,
  })
  t.same(
    server.lines.map((line) => line.split(' ', 1)[0]),
    ['EHLO', 'STARTTLS'],
    'neither the password nor the address was sent',
  )
})

t.test('close lets a delivery finish, frees the connections and takes no more', async (t) => {
  const server = await startSmtp(t)
  const sink = smtpSink(t, server.port)
  const delivery = sink.send(mailTo(ADDRESS), NEVER)
  await sink.close()
  t.same(await delivery, { providerId: 'Q1' })
  t.match(await failureOf(sink.send(mailTo(ADDRESS), NEVER)), { code: 'unavailable', retryable: true })
})

t.test('close does not wait for a server that hangs', async (t) => {
  const server = await startStandIn(t, (step) => (step === 'RCPT' ? { misbehave: 'hang' } : undefined))
  const sink = smtpSink(t, server.port, { timeouts: { deliveryMs: 200 } })
  const failure = failureOf(sink.send(mailTo(ADDRESS), NEVER))
  await server.reached('RCPT', 1)
  await sink.close()
  t.match(await failure, { retryable: true })
  await server.gone(1)
})

t.test('a sender that is no address is refused at once', async (t) => {
  const timeouts = { connectMs: 1, greetingMs: 1, deliveryMs: 1 }
  const { log } = keptLog()
  for (const from of ['', 'Billing', 'a@b.example, c@d.example', 'Group: a@b.example, c@d.example;']) {
    t.throws(() =>
      createEmailSink({
        from,
        timeouts,
        log,
        ...noExtras(),
        transport: { kind: 'outbox', directory: '/nowhere' },
      }),
    )
  }
})
