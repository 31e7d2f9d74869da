import { randomBytes } from 'node:crypto'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import t from 'tap'
import { readFiles } from '../support/attachments.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { readMail } from '../support/mime.js'
import { deliveryReport } from '../support/reports.js'
import { rsaKey } from '../support/rsa-key.js'
import { DROP, type SmtpAction, type SmtpStep, startStandIn } from '../support/smtp.js'

const key = rsaKey()
/** How the mail server behaves, by the name before the @. */
const manners: Readonly<Record<string, (step: SmtpStep, time: number) => SmtpAction | undefined>> = {
  'lost-before': (step, time) => (step === 'body' && time === 1 ? DROP : undefined),
  'lost-after': (step, time) => (step === 'dot' && time === 1 ? DROP : undefined),
  unknown: (step) => (step === 'RCPT' ? '550 5.1.1 no such user' : undefined),
}
const times = new Map<string, number>()
const server = await startStandIn(t, (step) => {
  if (step === 'EHLO') return '250-stand-in\r\n250-DSN\r\n250 8BITMIME'
  const rcpt = server.lines.filter((line) => line.startsWith('RCPT')).at(-1) ?? ''
  const name = /<([^@]+)@/.exec(rcpt)?.[1] ?? ''
  if (step === 'RCPT') times.set(name, (times.get(name) ?? 0) + 1)
  const passed = step === 'RCPT' || step === 'body' || step === 'dot'
  return passed ? manners[name]?.(step, times.get(name) ?? 0) : undefined
})

const daemon = await startDaemon(t, {
  config: {
    quiet_hours: { enabled: false },
    rate_limit: { enabled: false },
    channels: { email: { slots: 1, retry: { delays: [] } } },
  },
  env: {
    LOG_LEVEL: 'debug',
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: `${server.port}`,
    SMTP_FROM: 'Billing <billing@sender.example>',
    SMTP_BOUNCE_ADDRESS: 'bounces@sender.example',
    DKIM_DOMAIN: 'sender.example',
    DKIM_SELECTOR: 's1',
    DKIM_PRIVATE_KEY: key.privateKey,
  },
})
const service = await daemon.sender()
const mail = (name: string, more = {}) => ({
  channel: 'email',
  metadata: { email: `${name}@${MARK}.example` },
  ...more,
})

/** The mails of a notification, as the server was handed them. */
const taken = (id: string): readonly string[] =>
  server.taken.filter((raw) => raw.includes(id)).map((raw) => `${raw}\r\n`.replaceAll('\r\n..', '\r\n.'))

t.test('files and images arrive, signed, and the notification names them', async (t) => {
  const invoice = randomBytes(200_000)
  const attachments = [
    { filename: `${MARK}.pdf`, content: invoice.toString('base64') },
    { filename: 'logo.png', content: Buffer.from('png').toString('base64'), content_id: 'logo' },
  ]
  const content = `<p>${MARK} <img src="cid:logo"></p>`
  const id = await service.accepted(mail('ada', { content, attachments }))
  const detail = await service.final(id)
  t.match(detail, {
    status: 'sent',
    attachments: [
      { filename: `${MARK}.pdf`, content_type: 'application/pdf', content_id: null, size: 200_000 },
      { filename: 'logo.png', content_type: 'image/png', content_id: 'logo', size: 3 },
    ],
  })
  t.notOk(JSON.stringify(detail).includes(attachments[0]?.content.slice(0, 40) ?? ''), 'no contents')
  const [raw = ''] = taken(id)
  const { html, files } = await readFiles(raw)
  t.equal(html, content)
  t.match(files, [{ contentId: '<logo>', disposition: 'inline' }, { filename: `${MARK}.pdf` }])
  t.ok(files[1]?.content.equals(invoice))
  const { results } = await dkimVerify(Buffer.from(raw), {
    resolver: async () => [[`v=DKIM1; k=rsa; p=${key.publicKey}`]],
  })
  t.match(results, [{ signingDomain: 'sender.example', status: { result: 'pass' } }])
  const from = server.lines.filter((line) => line.startsWith('MAIL')).at(-1)
  t.equal(from, `MAIL FROM:<bounces@sender.example> RET=HDRS ENVID=${id}`)
})

t.test('a batch shares its file', async (t) => {
  const recipients = Array.from({ length: 20 }, (_, n) => ({
    user_id: `u${n}`,
    metadata: { email: `batch-${n}@${MARK}.example` },
  }))
  const file = randomBytes(30_000)
  const attachments = [{ filename: 'a.bin', content: file.toString('base64') }]
  const body = { ...service.message({ channel: 'email', attachments }), recipients }
  const before = server.taken.length
  const { status } = await service.post('/api/v1/notifications/batch', body)
  t.equal(status, 200)
  for (const { user_id } of recipients) {
    const [notification] = await service.all(user_id, 'email')
    t.match(await service.final(notification?.id ?? ''), { status: 'sent' })
  }
  const mails = server.taken.slice(before)
  t.equal(mails.length, 20)
  for (const raw of mails) t.ok((await readFiles(raw)).files[0]?.content.equals(file))
})

t.test('a connection lost before the final dot is made up for at once', async (t) => {
  const id = await service.accepted(mail('lost-before'))
  t.match(await service.final(id), { status: 'sent', attempts: [{ attempt: 1, result: 'sent' }] })
  t.equal(taken(id).length, 1)
})

t.test('one lost after it costs one repeat, which can be told by its Message-ID', async (t) => {
  const id = await service.accepted(mail('lost-after'))
  t.match(await service.final(id), { status: 'sent', attempts: [{ attempt: 1, result: 'sent' }] })
  const ids = taken(id).map((raw) => readMail(raw).header('message-id'))
  t.same(ids, [`<${id}@sender.example>`, `<${id}@sender.example>`])
})

t.test('an address that the server does not know is not written to again', async (t) => {
  const id = await service.accepted(mail('unknown'))
  t.match(await service.final(id), { status: 'failed', reason: 'invalid_address' })
  const { body } = await service.send(mail('Unknown', { priority: 'critical' }))
  t.match(body, { status: 'suppressed' })
  t.equal(times.get('unknown'), 1)
})

t.test('a report about mail that came back ends what is sent there', async (t) => {
  const id = await service.accepted(mail('left'))
  t.match(await service.final(id), { status: 'sent', reason: null })
  const report = deliveryReport({ envelopeId: id, final: `rfc822; left@${MARK}.example` })
  const answer = await service.post('/api/v1/bounces', report, { 'content-type': 'message/rfc822' })
  t.match(answer.body, { kind: 'bounce', notification_id: id, recipients: [{ result: 'suppressed' }] })
  t.match(await service.detail(id), { status: 'sent', reason: 'bounced' })
  const { body } = await service.send(mail('left'))
  t.match(body, { status: 'suppressed' })
})

t.test('the log', async (t) => checkLog(t, daemon))
