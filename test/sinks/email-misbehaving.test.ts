import t from 'tap'
import { ADDRESS, failureOf, mailTo, NEVER, smtpSink } from '../support/email.js'
import { DRIP, HANG, type SmtpStep, startStandIn } from '../support/smtp.js'

for (const step of ['greeting', 'EHLO', 'MAIL', 'dot'] as const) {
  t.test(`a server that answers ${step} without an end is left`, async (t) => {
    const server = await startStandIn(t, (at, connection) =>
      at === step && connection === 1 ? DRIP : undefined,
    )
    const sink = smtpSink(t, server.port, { timeouts: { deliveryMs: 200 }, poolSize: 1 })
    const begun = performance.now()
    t.match(await failureOf(sink.send(mailTo(ADDRESS), NEVER)), { code: 'timeout', retryable: true })
    t.ok(performance.now() - begun < 2_000, 'after as long as a delivery may take')
    await server.gone(1)
    await sink.send(mailTo(ADDRESS), NEVER)
    t.equal(server.opened, 2)
  })
}

for (const step of ['greeting', 'EHLO', 'RCPT', 'dot'] as const satisfies readonly SmtpStep[]) {
  t.test(`a line of a megabyte in answer to ${step} is not kept`, async (t) => {
    const flood = `250 ${'x'.repeat(1_000_000)}`
    const server = await startStandIn(t, (at, connection) =>
      at === step && connection === 1 ? flood : undefined,
    )
    const sink = smtpSink(t, server.port, { poolSize: 1 })
    t.match(await failureOf(sink.send(mailTo(ADDRESS), NEVER)), {
      code: 'connection_failed',
      retryable: true,
    })
    await server.gone(1)
    await sink.send(mailTo(ADDRESS), NEVER)
  })
}

t.test('a connection that died unnoticed costs one delivery its time, and no more', async (t) => {
  let mails = 0
  const server = await startStandIn(t, (step, connection) => {
    if (step === 'MAIL' && connection === 1) mails += 1
    return connection === 1 && mails > 1 ? HANG : undefined
  })
  const sink = smtpSink(t, server.port, { timeouts: { deliveryMs: 200 }, poolSize: 1 })
  await sink.send(mailTo(ADDRESS), NEVER)
  t.match(await failureOf(sink.send(mailTo(ADDRESS), NEVER)), { code: 'timeout', retryable: true })
  await sink.send(mailTo(ADDRESS), NEVER)
  t.equal(server.opened, 2)
})

t.test('an idle connection is kept, longer than a delivery may take, and then closed in order', async (t) => {
  const server = await startStandIn(t, () => undefined)
  const sink = smtpSink(t, server.port, { timeouts: { deliveryMs: 100 }, poolSize: 1, idleMs: 400 })
  const begun = performance.now()
  await sink.send(mailTo(ADDRESS), NEVER)
  await server.reached('QUIT', 1)
  t.ok(performance.now() - begun >= 390, 'not before its time')
  await server.gone(1)
  await sink.send(mailTo(ADDRESS), NEVER)
  t.equal(server.opened, 2)
})
