import t from 'tap'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { Device, WebhookReceiver } from '../support/receivers.js'
import { startSmtp } from '../support/smtp.js'

const smtp = await startSmtp(t, {
  onRcptTo: (_address, _session, done) =>
    done(Object.assign(new Error('5.1.1 no such user'), { responseCode: 550 })),
})
const once = { delays: [], jitter: 0 }
const daemon = await startDaemon(t, {
  config: {
    quiet_hours: { enabled: false },
    channels: { webhook: { tries: 1, retry: once }, email: { tries: 1, retry: once } },
  },
  env: {
    WEBHOOK_ALLOW_PRIVATE: 'true',
    WEBHOOK_FALLBACK: 'email',
    EMAIL_FALLBACK: 'in_app',
    EMAIL_TENANTS: 'acme, beta',
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: `${smtp.port}`,
  },
})
const service = await daemon.sender()

t.test(
  'what no channel takes stands in the inbox in the end, and the story reads in one place',
  async (t) => {
    const ada = await daemon.client('ada', ['user'])
    const device = await Device.connect(t, daemon.url, ada.caller.token)
    const receiver = await WebhookReceiver.start(t, () => 500)
    const id = await service.accepted({
      channel: 'webhook',
      priority: 'high',
      metadata: { ...receiver.target.metadata, email: `${MARK}@example.org` },
    })
    t.match(await service.final(id), { status: 'failed', reason: 'unavailable' })
    await device.got(({ type }) => type === 'notification', 'the notification in the inbox')
    const { chain = [], parent_id } = await service.detail(id)
    t.equal(parent_id, null)
    t.match(chain, [
      { id, channel: 'webhook', status: 'failed', reason: 'unavailable', attempt: 1 },
      { channel: 'email', status: 'failed', reason: 'invalid_address', attempt: 1 },
      { channel: 'in_app', status: 'sent', reason: null, attempt: 0 },
    ])
    const last = await service.detail(chain[2]?.id ?? '')
    t.match(last, { parent_id: chain[1]?.id, title: `${MARK} title`, priority: 'high', user_id: 'ada' })
    t.same(last.chain, chain)
  },
)

t.test('to a tenant that a channel is not open to it is not there, not even as a fallback', async (t) => {
  const other = await daemon.sender('other')
  const refused = await other.send({ channel: 'email', metadata: { email: 'bob@example.org' } })
  t.match(refused, { status: 400, problem: { code: 'validation_failed', errors: [{ field: '/channel' }] } })
  const receiver = await WebhookReceiver.start(t, () => 500)
  const id = await other.accepted(receiver.target)
  await other.final(id)
  const { chain = [] } = await other.detail(id)
  t.same(
    chain.map(({ channel }) => channel),
    ['webhook', 'in_app'],
  )
})

t.test('the log', async (t) => checkLog(t, daemon))
