import t from 'tap'
import { ADDRESS, failureOf, mailTo, NEVER, password, smtpSink } from '../support/email.js'
import { HANG, startStandIn } from '../support/smtp.js'

for (const step of ['greeting', 'EHLO', 'AUTH', 'MAIL', 'RCPT', 'DATA', 'body', 'dot'] as const) {
  t.test(`an abort at ${step} closes that connection and no other`, async (t) => {
    const server = await startStandIn(t, (at, connection) => {
      if (at === 'EHLO') return connection === 1 && step === 'EHLO' ? HANG : '250-stand-in\r\n250 AUTH PLAIN'
      if (connection === 1 && at === 'dot' && step === 'body') return HANG
      return connection === 1 && at === step ? HANG : undefined
    })
    const sink = smtpSink(t, server.port, { poolSize: 2, login: password('mailer', 'x') })
    const abort = new AbortController()
    const stuck = failureOf(sink.send(mailTo(ADDRESS), abort.signal))
    await server.reached(step, 1)
    t.same(await sink.send(mailTo(ADDRESS), NEVER), { providerId: 'RAW' }, 'another goes through meanwhile')

    const reason = new Error('too slow')
    abort.abort(reason)
    t.match(await stuck, { code: 'timeout', retryable: true, cause: reason })
    await server.gone(1)

    await Promise.all([1, 2, 3, 4].map(() => sink.send(mailTo(ADDRESS), NEVER)))
    t.ok(server.opened <= 3, 'its place in the pool was free again')
  })
}

t.test('an abort while waiting for a connection sends nothing', async (t) => {
  const server = await startStandIn(t, (at, connection) =>
    at === 'RCPT' && connection === 1 ? HANG : undefined,
  )
  const sink = smtpSink(t, server.port, { poolSize: 1 })
  const first = new AbortController()
  const second = new AbortController()
  const stuck = failureOf(sink.send(mailTo(ADDRESS), first.signal))
  const waiting = failureOf(sink.send(mailTo(ADDRESS), second.signal))
  await server.reached('RCPT', 1)
  second.abort()
  t.match(await waiting, { code: 'timeout', retryable: true })
  t.equal(server.opened, 1)
  first.abort()
  await stuck
  await sink.send(mailTo(ADDRESS), NEVER)
  t.equal(server.taken.length, 1)
})

t.test('a signal that is aborted already opens no connection', async (t) => {
  const server = await startStandIn(t, () => undefined)
  const failure = await failureOf(smtpSink(t, server.port).send(mailTo(ADDRESS), AbortSignal.abort()))
  t.match(failure, { code: 'timeout', retryable: true })
  t.equal(server.opened, 0)
})
