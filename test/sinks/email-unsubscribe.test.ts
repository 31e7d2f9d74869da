import t from 'tap'
import { UnsubscribeLinks } from '../../src/model/unsubscribe-links.js'
import { ADDRESS, mailTo, NEVER, smtpSink } from '../support/email.js'
import { readMail } from '../support/mime.js'
import { startSmtp } from '../support/smtp.js'
import { unsubscribeLinks } from '../support/unsubscribe.js'

t.test('mail that can be turned off says how, in headers that arrive as they were written', async (t) => {
  const server = await startSmtp(t)
  const links = unsubscribeLinks()
  const sink = smtpSink(t, server.port, { unsubscribeLinks: links })
  for (const notificationType of ['marketing.sale', 'activity', 'digest']) {
    const notification = mailTo(ADDRESS, {
      notificationType,
      tenantId: 'x'.repeat(64),
      userId: '用户'.repeat(32),
      metadata: { email: ADDRESS, 'List-Unsubscribe': '<https://evil.example>' },
    })
    const link = links.linkFor(notification)
    await sink.send(notification, NEVER)
    await sink.send({ ...notification, attempt: 2 }, NEVER)
    for (const { raw } of server.mails.slice(-2)) {
      t.same(
        readMail(raw).headers.filter(([name]) => name.startsWith('list-')),
        [
          ['list-unsubscribe', `<${link}>`],
          ['list-unsubscribe-post', 'List-Unsubscribe=One-Click'],
        ],
        `${notificationType}: one of each, the same at every attempt`,
      )
      // As mail programs look for it, whether they unfold or not.
      t.match(
        raw,
        /^List-Unsubscribe:\r\n <https:\/\/[^\s<>]+>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n/m,
      )
      t.ok(
        raw.split('\r\n').every((line) => line.length <= 998),
        'lines are as short as RFC 5322 wants',
      )
    }
  }
})

t.test('mail that nobody can turn off has no such header', async (t) => {
  const server = await startSmtp(t)
  const sink = smtpSink(t, server.port, { unsubscribeLinks: unsubscribeLinks({ receipt: 'billing' }) })
  for (const notificationType of ['system', 'billing', 'system.login', 'receipt'])
    await sink.send(mailTo(ADDRESS, { notificationType }), NEVER)
  for (const { raw } of server.mails) t.notMatch(raw, /^List-/im)
  t.equal(server.mails.length, 4)
})

t.test('not even a wrong address of the service can add a header', async (t) => {
  const server = await startSmtp(t)
  const links = new UnsubscribeLinks({
    secret: 'x',
    publicUrl: () => 'https://a.example>\r\nBcc: victim@example.org\r\nX: <',
    groups: new Map(),
  })
  await smtpSink(t, server.port, { unsubscribeLinks: links }).send(
    mailTo(ADDRESS, { notificationType: 'marketing' }),
    NEVER,
  )
  t.same(server.mails[0]?.to, [ADDRESS])
  const names = readMail(server.mails[0]?.raw ?? '').headers.map(([name]) => name)
  t.notOk(names.includes('bcc'))
  t.notOk(names.includes('x'))
})
