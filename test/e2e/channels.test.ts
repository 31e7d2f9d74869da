import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { readMail } from '../support/mime.js'
import { Device, WebhookReceiver } from '../support/receivers.js'
import { startSmtp } from '../support/smtp.js'
import { eventually } from '../support/waiting.js'

const secret = `whsec_${randomBytes(32).toString('base64')}`
const smtp = await startSmtp(t)
const retry = { delays: ['1s', '1s'], jitter: 0 }
const config = {
  quiet_hours: { enabled: false },
  channels: { webhook: { tries: 1, retry }, email: { tries: 1, retry } },
}
const daemon = await startDaemon(t, {
  config,
  env: {
    LOG_LEVEL: 'debug',
    WEBHOOK_SECRET: secret,
    WEBHOOK_ALLOW_PRIVATE: 'true',
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: `${smtp.port}`,
  },
})
const service = await daemon.sender()

t.test('websocket', async (t) => {
  const ada = await daemon.client('ada', ['user'])
  const device = await Device.connect(t, daemon.url, ada.caller.token)
  const id = await service.accepted({ channel: 'websocket', user_id: 'ada' })
  const frame = await device.got(({ type }) => type === 'notification', 'the notification')
  t.match(frame, { id, content: `${MARK} content` })
  t.match(await service.final(id), { status: 'sent', attempts: [{ result: 'sent' }] })
})

t.test('websocket, nobody there', async (t) => {
  const id = await service.accepted({ channel: 'websocket', user_id: 'offline' })
  const detail = await service.final(id)
  t.match(detail, {
    status: 'failed',
    reason: 'offline',
    attempts: [{ result: 'failed', failure_code: 'offline' }],
  })
  t.equal(detail.attempts.length, 1, 'not tried again')
})

t.test('webhook, signed', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const id = await service.accepted(receiver.target)
  const { body, headers } = await receiver.got(id)
  const signed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}`]))
  t.match(new Webhook(secret).verify(body, signed), { notification_id: id, title: `${MARK} title` })
  t.throws(() => new Webhook(secret).verify(body.replace('title', 'tilte'), signed))
  t.match(await service.final(id), { status: 'sent' })
  t.equal(receiver.times(id), 1)
})

t.test('webhook, tried again after a failure', async (t) => {
  const receiver = await WebhookReceiver.start(t, (_, time) => (time === 1 ? 500 : 200))
  const id = await service.accepted(receiver.target)
  const detail = await service.final(id)
  t.equal(detail.status, 'sent')
  t.match(detail.attempts, [{ result: 'retry', failure_code: 'unavailable' }, { result: 'sent' }])
  const [first, second] = receiver.requests
  t.ok(Number(second?.at) - Number(first?.at) >= 990, 'after the delay')
  t.equal(first?.headers['webhook-id'], second?.headers['webhook-id'])
})

t.test('webhook, failed in the end', async (t) => {
  const receiver = await WebhookReceiver.start(t, () => 500)
  const id = await service.accepted(receiver.target)
  const detail = await service.final(id)
  t.match(detail, { status: 'failed', reason: 'unavailable' })
  t.same(
    detail.attempts.map(({ result }) => result),
    ['retry', 'retry', 'failed'],
  )
  t.equal(receiver.times(id), 3)
})

t.test('webhook, expired before the next attempt', async (t) => {
  const receiver = await WebhookReceiver.start(t, () => 500)
  const id = await service.accepted({
    ...receiver.target,
    expires_at: new Date(Date.now() + 900).toISOString(),
  })
  t.match(await service.final(id), { status: 'expired' })
  t.ok(receiver.times(id) <= 1)
})

t.test('email by SMTP', async (t) => {
  const id = await service.accepted({
    channel: 'email',
    content: '<p>Hello {{ name }}</p>',
    variables: { name: `<${MARK}>` },
    metadata: { email: `${MARK}@example.org` },
  })
  t.match(await service.final(id), { status: 'sent' })
  const [mail] = smtp.mails
  t.same(mail?.to, [`${MARK}@example.org`])
  const read = readMail(mail?.raw ?? '')
  t.equal(read.header('subject'), `${MARK} title`)
  t.match(read.parts.get('text/html'), `Hello &lt;${MARK}&gt;`)
  t.match(read.header('message-id'), id)
})

t.test('email to the outbox', async (t) => {
  const local = await startDaemon(t, { config })
  const sender = await local.sender()
  const id = await sender.accepted({ channel: 'email', metadata: { email: `${MARK}@example.org` } })
  t.match(await sender.final(id), { status: 'sent' })
  const outbox = join(local.dataDir, 'outbox')
  const [file] = await eventually(async () => {
    const files = await readdir(outbox)
    return files.length > 0 && files
  }, 'a mail in the outbox')
  const mail = readMail(await readFile(join(outbox, file ?? ''), 'utf8'))
  t.match(mail.header('to'), `${MARK}@example.org`)
  checkLog(t, local)
})

t.test('the log', async (t) => checkLog(t, daemon))
