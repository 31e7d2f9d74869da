import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import t from 'tap'
import { createEmailSink } from '../../src/sinks/email/index.js'
import { ADDRESS, keptLog, mailTo, NEVER, noExtras, smtpSink } from '../support/email.js'
import { readMail } from '../support/mime.js'
import { rsaKey } from '../support/rsa-key.js'
import { startSmtp } from '../support/smtp.js'
import { unsubscribeLinks } from '../support/unsubscribe.js'

const key = rsaKey()
const dkim = { domain: 'sender.example', selector: 's1', privateKey: key.privateKey }

/** A receiver who finds this public key in the DNS. */
async function verify(raw: string, publicKey = key.publicKey) {
  const { results } = await dkimVerify(Buffer.from(raw), {
    resolver: async (name, type) => {
      if (name === 's1._domainkey.sender.example' && type === 'TXT') {
        return [[`v=DKIM1; k=rsa; p=${publicKey}`]]
      }
      throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
    },
  })
  return results.map(({ signingDomain, selector, algo, status, signingHeaders }) => ({
    signingDomain,
    selector,
    algo,
    result: status.result,
    signed: signingHeaders.keys.toLowerCase().split(/[:,]\s*/),
  }))
}

t.test('what leaves is signed: all that a reader sees, and the unsubscribe headers', async (t) => {
  const server = await startSmtp(t)
  const links = unsubscribeLinks()
  const sink = smtpSink(t, server.port, { dkim, unsubscribeLinks: links })
  const notification = mailTo(ADDRESS, {
    notificationType: 'marketing',
    title: '账单已生成 – your bill is here, and this subject is long enough that it has to be folded',
    content: '<p>你好</p>\n.\n..\n trailing \t\n\n\n',
  })
  await sink.send(notification, NEVER)
  const raw = server.mails[0]?.raw ?? ''
  const [result, ...others] = await verify(raw)
  t.same(others, [], 'one signature')
  t.match(result, { signingDomain: 'sender.example', selector: 's1', algo: 'rsa-sha256', result: 'pass' })
  for (const name of [
    'from',
    'to',
    'subject',
    'date',
    'message-id',
    'mime-version',
    'content-type',
    'list-unsubscribe',
    'list-unsubscribe-post',
  ]) {
    t.ok(result?.signed.includes(name), `${name} is signed`)
  }
  t.equal(readMail(raw).header('list-unsubscribe'), `<${links.linkFor(notification)}>`)

  for (const [what, changed] of [
    ['the text', raw.replace(/=E4=BD=A0/, '=E4=BD=A1').replace(/5L2g/, '5L2h')],
    ['the link', raw.replace(/List-Unsubscribe:\r\n <https:/, 'List-Unsubscribe:\r\n <http:')],
    ['the one-click header', raw.replace('List-Unsubscribe=One-Click', 'List-Unsubscribe=Two-Clicks')],
    ['the recipient', raw.replace(`To: ${ADDRESS}`, 'To: other@example.org')],
  ] as const) {
    t.not(changed, raw, what)
    t.not((await verify(changed))[0]?.result, 'pass', `${what} cannot be changed`)
  }
  t.not((await verify(raw, rsaKey(1_024).publicKey))[0]?.result, 'pass', 'not with the key of another')
})

t.test('mail with files, and mail in the outbox', async (t) => {
  const directory = t.testdir({})
  const sink = createEmailSink({
    from: 'billing@sender.example',
    timeouts: { connectMs: 1, greetingMs: 1, deliveryMs: 1 },
    transport: { kind: 'outbox', directory },
    ...noExtras({ dkim, attachments: { read: async () => new Map([['att_1', Buffer.alloc(300_000, 7)]]) } }),
    log: keptLog().log,
  })
  const file = {
    id: 'att_1',
    filename: '账单.pdf',
    contentType: 'application/pdf',
    contentId: null,
    size: 300_000,
  }
  const notification = mailTo(ADDRESS, { attachments: [file] })
  await sink.send(notification, NEVER)
  const raw = await readFile(join(directory, `${notification.id}.eml`), 'utf8')
  t.match(await verify(raw), [{ result: 'pass' }])
  await sink.close()
})

t.test('without a key nothing is signed', async (t) => {
  const server = await startSmtp(t)
  await smtpSink(t, server.port).send(mailTo(ADDRESS), NEVER)
  t.notMatch(server.mails[0]?.raw, /^dkim-signature:/im)
})
