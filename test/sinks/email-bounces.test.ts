import t from 'tap'
import { ADDRESS, failureOf, keptLog, mailTo, NEVER, smtpSink } from '../support/email.js'
import { startStandIn } from '../support/smtp.js'

const echo = (code: string): string => `${code} <${ADDRESS}>: no`

for (const [reply, note] of [
  ['550 5.1.1', '550 5.1.1'],
  ['556 5.1.10', '556 5.1.10'],
  ['550 5.2.1', '550 5.2.1'],
  // Who says no more than that may mean us.
  ['550', null],
  ['553', null],
  ['550 5.7.1', null],
  ['550 5.1.8', null],
  ['552 5.2.2', null],
  ['450 4.2.0', null],
] as const) {
  t.test(
    `${reply} to RCPT TO ${note === null ? 'leaves the address alone' : 'marks the address'}`,
    async (t) => {
      const marked: string[] = []
      const server = await startStandIn(t, (step) => (step === 'RCPT' ? echo(reply) : undefined))
      const { log, lines } = keptLog()
      const bounces = {
        bounced: async (...what: readonly string[]) => {
          marked.push(what.join(' '))
        },
      }
      await failureOf(
        smtpSink(t, server.port, { bounces, log }).send(mailTo(ADDRESS, { tenantId: 'acme' }), NEVER),
      )
      t.same(marked, note === null ? [] : [`acme ${ADDRESS} ${note}`])
      t.notMatch(lines.join(), /reader@/)
      t.equal(
        lines.some((line) => line.includes('email.address_bounced')),
        note !== null,
      )
    },
  )
}

t.test('5.1.1 to anything else says nothing about the address', async (t) => {
  for (const step of ['MAIL', 'DATA', 'dot'] as const) {
    const server = await startStandIn(t, (at) => (at === step ? echo('550 5.1.1') : undefined))
    const bounces = {
      bounced: async () => {
        t.fail('marked')
      },
    }
    await failureOf(smtpSink(t, server.port, { bounces }).send(mailTo(ADDRESS), NEVER))
  }
  t.pass()
})

t.test('a store that is away changes nothing about the failure', async (t) => {
  const server = await startStandIn(t, (step) => (step === 'RCPT' ? '550 5.1.1 no' : undefined))
  const { log, lines } = keptLog()
  const bounces = { bounced: () => Promise.reject(new Error('no connection')) }
  const failure = await failureOf(smtpSink(t, server.port, { bounces, log }).send(mailTo(ADDRESS), NEVER))
  t.match(failure, { code: 'invalid_address', retryable: false, message: /550 5\.1\.1 to RCPT TO$/ })
  t.ok(lines.some((line) => line.includes('email.bounce_not_recorded')))
})

t.test('mail is sent in the name of the bounce address, and asks for a report that names it', async (t) => {
  const server = await startStandIn(t, (step) =>
    step === 'EHLO' ? '250-stand-in\r\n250-DSN\r\n250 8BITMIME' : undefined,
  )
  const sink = smtpSink(t, server.port, { bounceAddress: 'bounces@sender.example' })
  const notification = mailTo(ADDRESS)
  await sink.send(notification, NEVER)
  const [mail, rcpt] = ['MAIL', 'RCPT'].map((verb) => server.lines.find((line) => line.startsWith(verb)))
  t.match(mail, /^MAIL FROM:<bounces@sender\.example> /)
  t.match(mail, new RegExp(` RET=HDRS ENVID=${notification.id}$`))
  t.equal(rcpt, `RCPT TO:<${ADDRESS}> NOTIFY=FAILURE ORCPT=rfc822;${ADDRESS}`)
  t.match(server.taken[0], /^From: Billing <billing@sender\.example>$/m)
})

t.test('a server that does not offer reports is not asked for any', async (t) => {
  const server = await startStandIn(t, () => undefined)
  await smtpSink(t, server.port).send(mailTo(ADDRESS), NEVER)
  t.ok(server.lines.includes('MAIL FROM:<billing@sender.example>'))
  t.ok(server.lines.includes(`RCPT TO:<${ADDRESS}>`))
})
