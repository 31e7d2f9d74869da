import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { RecipientAnswer } from '../../src/api/schemas/recipients.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { Apple, KEY_ID, TEAM_ID, TOPIC } from '../support/push/apple.js'
import { Google } from '../support/push/google.js'
import { android, iphone } from '../support/push/stand.js'

const google = await Google.start(t)
const apple = await Apple.start(t)
const folder = await mkdtemp(join(tmpdir(), 'push-'))
t.teardown(() => rm(folder, { recursive: true }))
await writeFile(join(folder, 'ca.pem'), `${google.ca}\n${apple.ca}`)
await writeFile(join(folder, 'key.p8'), apple.key)

const daemon = await startDaemon(t, {
  config: {
    quiet_hours: { enabled: false },
    rate_limit: { enabled: false },
    channels: { push: { fallback: 'in_app', retry: { delays: ['1s'], jitter: 0 } } },
  },
  env: {
    LOG_LEVEL: 'debug',
    NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
    FCM_CREDENTIALS: google.credentials,
    FCM_PROXY: google.proxy,
    APNS_KEY: join(folder, 'key.p8'),
    APNS_KEY_ID: KEY_ID,
    APNS_TEAM_ID: TEAM_ID,
    APNS_TOPIC: TOPIC,
    APNS_PRODUCTION: 'false',
    APNS_ENDPOINT: apple.endpoint,
  },
})
const sender = await daemon.sender()
const admin = await daemon.client('root', ['admin'])
const list = (...devices: readonly { platform: string; token: string }[]) =>
  devices.map(({ platform, token }) => ({ platform, token }))
const devicesOf = async (userId: string) =>
  (await admin.get<RecipientAnswer>(`/api/v1/recipients/${userId}`)).body.devices
const gone = { status: 404, reason: 'UNREGISTERED' }

t.test('to the devices of the directory; those that are gone leave it', async (t) => {
  const devices = list(...android(`${MARK}-good`, `${MARK}-dead`), ...iphone('good', 'dead'))
  t.equal((await admin.put('/api/v1/recipients/ada', { devices })).status, 200)
  google.onMessage = (token) => (token.endsWith('dead') ? gone : undefined)
  apple.onPush = (token) =>
    token.startsWith(Buffer.from('dead').toString('hex'))
      ? { status: 410, reason: 'Unregistered', timestamp: Date.now() }
      : undefined
  const id = await sender.accepted({ channel: 'push', user_id: 'ada', priority: 'high' })
  t.match(await sender.final(id), {
    status: 'sent',
    attempts: [{ result: 'sent', message: 'fcm 1 of 2, 1 removed; apns 1 of 2, 1 removed' }],
  })
  t.match(google.taken, [{ token: `${MARK}-good`, notification: { title: `${MARK} title` }, data: { id } }])
  t.match(apple.taken, [{ headers: { 'apns-collapse-id': id }, payload: { id } }])
  t.same(await devicesOf('ada'), list(...android(`${MARK}-good`), ...iphone('good')))
  await daemon.logged('push.devices_removed')
})

t.test('no device is left: falls back', async (t) => {
  google.onMessage = () => gone
  const id = await sender.accepted({
    channel: 'push',
    user_id: 'bob',
    metadata: { platform: 'android', device_token: `${MARK}-dead` },
  })
  const detail = await sender.final(id)
  t.match(detail, { status: 'failed', reason: 'gone', attempts: [{ failure_code: 'gone' }] })
  t.equal(detail.attempts.length, 1, 'not tried again')
  t.match(await sender.all('bob', 'in_app'), [{ status: 'sent', title: `${MARK} title` }])
})

t.test('a thousand devices in one request', async (t) => {
  google.onMessage = () => undefined
  google.taken.length = 0
  const tokens = Array.from({ length: 1000 }, (_, n) => `${MARK}-${n}`.padEnd(163, 'x'))
  const metadata = { devices: list(...android(...tokens)) }
  const id = await sender.accepted({ channel: 'push', user_id: 'carl', metadata })
  t.match(await sender.final(id), { status: 'sent', attempts: [{ message: 'fcm 1000 of 1000' }] })
  t.equal(google.taken.length, 1000)
  const rest = await sender.send({ channel: 'push', metadata: { ...metadata, more: 'x'.repeat(17_000) } })
  t.match([rest.status, rest.problem.errors], [400, [{ field: '/metadata' }]])
  const batch = {
    tenant_id: 'acme',
    channel: 'push',
    title: 'a',
    content: 'b',
    metadata,
    user_ids: ['a', 'b'],
  }
  const shared = await sender.post<object>('/api/v1/notifications/batch', batch)
  t.equal(shared.status, 400, 'not in what a batch has in common')
})

t.test('bad devices are named', async (t) => {
  const metadata = { devices: [{ platform: 'apns', token: 'nothing hexadecimal' }] }
  const { status, problem } = await sender.send({ channel: 'push', user_id: 'ada', metadata })
  t.match([status, problem.errors], [400, [{ field: '/metadata/devices/0/token' }]])
  const nowhere = await sender.send({ channel: 'push', user_id: 'nobody' })
  t.match([nowhere.status, nowhere.problem.errors], [400, [{ field: '/metadata/devices' }]])
})

t.test('a passing failure is tried again, and then again later', async (t) => {
  google.onMessage = (_token, time) => (time <= 2 ? { status: 503, reason: 'UNAVAILABLE' } : undefined)
  const metadata = { platform: 'android', device_token: `${MARK}-shaky` }
  const id = await sender.accepted({ channel: 'push', user_id: 'dora', metadata })
  const detail = await sender.final(id)
  t.match(detail, { status: 'sent', attempts: [{ result: 'retry', provider: 'fcm' }, { result: 'sent' }] })
  t.equal(google.asked.filter((token) => token.endsWith('shaky')).length, 3)
})

t.test('the log', async (t) => checkLog(t, daemon))
