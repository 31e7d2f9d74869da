import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { ALIYUN_KEY, aliyunProtocol } from '../support/sms/aliyun.js'
import { VENDOR_CERT } from '../support/sms/certificate.js'
import { StandIn } from '../support/sms/stand-in.js'
import { TENCENT_KEY, tencentProtocol } from '../support/sms/tencent.js'

const NUMBER = '+8613900139000'
const NATIONAL = '139 0013 9000'

const aliyun = await StandIn.start(t, aliyunProtocol())
const tencent = await StandIn.start(t, tencentProtocol())
const trusted = join(t.testdir({}), 'vendors.pem')
await writeFile(trusted, VENDOR_CERT)

const daemon = await startDaemon(t, {
  config: {
    quiet_hours: { enabled: false },
    channels: { sms: { retry: { delays: ['1s'], jitter: 0 }, aliyun: { timeout: '2s' } } },
  },
  env: {
    LOG_LEVEL: 'debug',
    NODE_EXTRA_CA_CERTS: trusted,
    ALIYUN_SMS_ACCESS_KEY_ID: ALIYUN_KEY.accessKeyId,
    ALIYUN_SMS_ACCESS_KEY_SECRET: ALIYUN_KEY.accessKeySecret,
    ALIYUN_SMS_SIGN_NAME: '示例',
    ALIYUN_SMS_TEMPLATE_CODE: 'SMS_1',
    ALIYUN_SMS_ENDPOINT: `https://localhost:${aliyun.port}`,
    TENCENT_SMS_SECRET_ID: TENCENT_KEY.secretId,
    TENCENT_SMS_SECRET_KEY: TENCENT_KEY.secretKey,
    TENCENT_SMS_APP_ID: '1400006666',
    TENCENT_SMS_SIGN_NAME: '示例',
    TENCENT_SMS_TEMPLATE_ID: '449739',
    TENCENT_SMS_ENDPOINT: `https://localhost:${tencent.port}`,
  },
})
const service = await daemon.sender()
const text = (change = {}) => service.accepted({ channel: 'sms', metadata: { phone: NUMBER }, ...change })

t.test('a national number is sent to, and known as E.164', async (t) => {
  const id = await text({ metadata: { phone: NATIONAL } })
  t.match(await service.final(id), {
    status: 'sent',
    metadata: { phone: NUMBER },
    attempts: [{ result: 'sent', provider: 'aliyun', provider_id: /^9006/, message: null }],
  })
  const params = JSON.stringify({ content: `${MARK} content` })
  t.match(aliyun.messages.at(-1), { id, number: '13900139000', template: 'SMS_1', params })
  const refused = await service.send({ channel: 'sms', metadata: { phone: 'zq7private' } })
  t.match(refused, {
    status: 400,
    problem: { code: 'invalid_address', errors: [{ field: '/metadata/phone' }] },
  })
})

t.test('a template is told by the code of each vendor', async (t) => {
  const template = {
    tenant_id: service.caller.tenantId,
    id: 'login_code',
    name: 'Login',
    channel: 'sms',
    title: 'Login',
    content: '{{ code }}, {{ minutes }}',
    vendor: { params: ['code', 'minutes'], codes: { aliyun: 'SMS_154950909', tencent: '1800308' } },
  }
  t.equal((await service.post('/api/v1/templates', template)).status, 201)
  const send = () =>
    text({ template_id: 'login_code', variables: { code: '0042', minutes: 5 }, title: undefined })
  t.match(await service.final(await send()), { status: 'sent', content: '0042, 5' })
  const params = JSON.stringify({ code: '0042', minutes: '5' })
  t.match(aliyun.messages.at(-1), { template: 'SMS_154950909', params })

  aliyun.behave = () => ({ code: 'isv.AMOUNT_NOT_ENOUGH' })
  t.match(await service.final(await send()), {
    status: 'sent',
    attempts: [
      {
        provider: 'tencent',
        provider_id: /^5000/,
        message: 'aliyun: account_refused (isv.AMOUNT_NOT_ENOUGH)',
      },
    ],
  })
  t.match(tencent.messages.at(-1), { number: NUMBER, template: '1800308', params: '["0042","5"]' })
})

t.test('what a vendor may have taken ends as uncertain', async (t) => {
  aliyun.behave = () => 'hang'
  const [asked, others] = [aliyun.requests, tencent.requests]
  const detail = await service.final(await text())
  t.match(detail, {
    status: 'uncertain',
    attempts: [{ result: 'uncertain', provider: 'aliyun', failure_code: 'timeout' }],
  })
  t.equal(detail.attempts.length, 1)
  t.same([aliyun.requests - asked, tencent.requests - others], [1, 0], 'it is asked once, and nobody else')
  await aliyun.quiet()
})

t.test('what no vendor takes is tried again', async (t) => {
  aliyun.behave = () => 'drop in the handshake'
  tencent.behave = () => ({ code: 'LimitExceeded.PhoneNumberThirtySecondLimit' })
  const refused = tencent.received(tencent.requests + 1)
  const id = await text()
  await refused
  tencent.behave = () => 'take'
  t.match(await service.final(id), {
    status: 'sent',
    attempts: [
      { result: 'retry', failure_code: 'connection_failed' },
      { result: 'sent', provider: 'tencent' },
    ],
  })
})

t.test('ten an hour, and none for a number that is suppressed', async (t) => {
  aliyun.behave = () => 'take'
  const send = async () => service.detail(await text({ user_id: 'bob' }))
  const details = await Promise.all(Array.from({ length: 11 }, send))
  const suppressed = details.filter(({ status }) => status === 'suppressed')
  t.match(suppressed, [{ reason: 'rate_limited' }])
  t.equal(suppressed.length, 1)

  const address = { channel: 'sms', address: NATIONAL, reason: 'manual' }
  t.match(await service.post('/api/v1/suppressions', address), { status: 200, body: { address: NUMBER } })
  t.match(await service.detail(await text({ user_id: 'carl' })), { status: 'suppressed' })
})

t.test('neither numbers nor texts nor keys are logged', async (t) => {
  checkLog(t, daemon)
  t.notMatch(daemon.rawLines.join('\n'), /1390013|LTAI|AKID|-secret|0042/)
  const metrics = await service.call('GET', '/metrics')
  t.match(
    metrics.text,
    /notification_provider_calls_total\{channel="sms",provider="aliyun",result="sent"\} \d/,
  )
  t.match(
    metrics.text,
    /notification_provider_calls_total\{channel="sms",provider="aliyun",result="uncertain"\} \d/,
  )
})
