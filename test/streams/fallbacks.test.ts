import t from 'tap'
import type { Channel, QueuedChannel } from '../../src/model/notification.js'
import { DeliveryFailure } from '../../src/model/outcome.js'
import { UNKNOWN } from '../../src/model/recipient.js'
import { Archive } from '../../src/state/postgres/archive.js'
import { Recovery } from '../../src/state/postgres/recovery.js'
import { Store } from '../../src/state/postgres/store.js'
import { OPTIONS, POLICY, runningStreams } from '../support/streams.js'

/** A provider that does not answer. */
const hang = (_: unknown, signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

/** Text message, then mail, then inbox. */
const CHAIN: Partial<Record<QueuedChannel, Channel>> = { sms: 'email', email: 'in_app' }
const inChain = (channel: QueuedChannel) => ({ ...POLICY, fallbackFor: () => CHAIN[channel] ?? null })
const channels = { ...OPTIONS.channels, sms: inChain('sms'), email: inChain('email') }

const refused = new DeliveryFailure('rejected', 'aliyun says no', { retryable: false, provider: 'aliyun' })
const sms = { channel: 'sms', metadata: { phone: '+8613800138000' } } as const

t.test('a chain goes on through every channel, and reads in one place', async (t) => {
  const streams = await runningStreams(t, () => Promise.reject(refused), {
    options: { channels },
    recipient: () => ({ ...UNKNOWN, email: 'ada@example.org' }),
  })
  const { id } = await streams.submit(sms)
  const mail = await streams.waitFor(`SELECT * FROM notifications WHERE parent_id = '${id}'`)
  await streams.ended(mail.id, 'failed')
  const inbox = await streams.waitFor(`SELECT * FROM notifications WHERE parent_id = '${mail.id}'`)
  await streams.ended(inbox.id, 'sent')
  const archive = new Archive(new Store(streams.pool))
  const story = await archive.chain(mail.id)
  t.match(story, [
    { id, channel: 'sms', status: 'failed', reason: 'rejected', attempt: 1 },
    { id: mail.id, channel: 'email', status: 'failed', reason: 'rejected', attempt: 1 },
    { id: inbox.id, channel: 'in_app', status: 'sent', reason: null, attempt: 0 },
  ])
  t.same(await archive.chain(id), story)
  t.same(await archive.chain(inbox.id), story)
  t.match(await archive.attempts(id), [{ provider: 'aliyun', failureCode: 'rejected' }])
})

t.test('a step that has no address gives way to the next', async (t) => {
  const streams = await runningStreams(t, () => Promise.reject(refused), { options: { channels } })
  const { id } = await streams.submit(sms)
  const mail = await streams.waitFor(`SELECT * FROM notifications WHERE parent_id = '${id}'`)
  t.match(await streams.ended(mail.id, 'failed'), { reason: 'invalid_address', attempt: 0 })
  const inbox = await streams.waitFor(`SELECT * FROM notifications WHERE parent_id = '${mail.id}'`)
  await streams.ended(inbox.id, 'sent')
})

t.test('so does one whose address is suppressed; a new request is told instead', async (t) => {
  const streams = await runningStreams(t, () => Promise.reject(refused), {
    options: { channels },
    suppression: ({ channel }) => (channel === 'email' ? 'bounce' : null),
  })
  const mail = await streams.submit({ channel: 'email' })
  t.match(mail, { status: 'suppressed', reason: 'address_bounce' })
  const { id } = await streams.submit({ ...sms, metadata: { ...sms.metadata, email: 'ada@example.org' } })
  const second = await streams.waitFor(`SELECT * FROM notifications WHERE parent_id = '${id}'`)
  await streams.ended(second.id, 'suppressed')
  const inbox = await streams.waitFor(`SELECT * FROM notifications WHERE parent_id = '${second.id}'`)
  await streams.ended(inbox.id, 'sent')
  t.equal((await streams.pool.query('SELECT FROM notifications WHERE parent_id = $1', [mail.id])).rowCount, 0)
})

t.test('what the user does not want by a channel is not sent by another instead', async (t) => {
  const off = { scope: 'all', name: '', channel: 'email', enabled: false, frequency: 'immediate' } as const
  const streams = await runningStreams(t, () => Promise.reject(refused), {
    options: { channels },
    recipient: () => ({ ...UNKNOWN, email: 'ada@example.org', subscriptions: [off] }),
  })
  const { id } = await streams.submit(sms)
  const mail = await streams.waitFor(`SELECT * FROM notifications WHERE parent_id = '${id}'`)
  t.match(await streams.ended(mail.id, 'suppressed'), { reason: 'not_subscribed' })
  t.equal((await streams.pool.query('SELECT FROM notifications WHERE parent_id = $1', [mail.id])).rowCount, 0)
})

t.test('what is for the app alone is not shown to its user by another channel', async (t) => {
  const push = { ...POLICY, fallbackFor: () => 'in_app' as const }
  const streams = await runningStreams(t, () => Promise.reject(refused), {
    options: { channels: { ...channels, push } },
  })
  const device = { devices: [{ platform: 'fcm', token: 'x' }] }
  const silent = await streams.submit({ channel: 'push', metadata: { ...device, silent: true } })
  const loud = await streams.submit({ channel: 'push', metadata: device })
  const { parent_id, metadata } = await streams.waitFor(
    'SELECT * FROM notifications WHERE parent_id IS NOT NULL',
  )
  t.equal(parent_id, loud.id)
  t.same(metadata, {}, 'nor are the tokens')
  await streams.ended(silent.id, 'failed')
  const { rowCount } = await streams.pool.query('SELECT FROM notifications WHERE parent_id = $1', [silent.id])
  t.equal(rowCount, 0)
})

t.test('a text message whose outcome is not known ends there', async (t) => {
  const unknown = new DeliveryFailure('connection_failed', 'no answer', { retryable: true, uncertain: true })
  const streams = await runningStreams(t, () => Promise.reject(unknown), { options: { channels } })
  const { id } = await streams.submit(sms)
  t.match(await streams.ended(id, 'uncertain'), { reason: 'connection_failed', attempt: 1 })
  await streams.until(() => streams.telemetry.lines.some(({ event }) => event === 'notification.uncertain'))
  const { rowCount } = await streams.pool.query('SELECT FROM notifications WHERE parent_id IS NOT NULL')
  t.equal(rowCount, 0, 'nobody tries another channel: it may have arrived')
})

t.test('so does one that runs out of time, while mail is tried again', async (t) => {
  const hasty = {
    ...OPTIONS.channels,
    sms: { ...POLICY, timeoutMs: 20 },
    email: { ...POLICY, timeoutMs: 20 },
  }
  const streams = await runningStreams(t, hang, { options: { channels: hasty } })
  const [text, mail] = await Promise.all([streams.submit(sms), streams.submit({ channel: 'email' })])
  t.match(await streams.ended(text.id, 'uncertain'), { reason: 'timeout', attempt: 1 })
  t.match(await streams.ended(mail.id, 'failed'), { reason: 'timeout', attempt: 4 })
})

t.test('so does one whose worker was lost, while mail is given to another', async (t) => {
  const streams = await runningStreams(t, hang, { options: { leaseMs: 1 } })
  const [text, mail] = await Promise.all([streams.submit(sms), streams.submit({ channel: 'email' })])
  await streams.ended(text.id, 'uncertain')
  t.match(await streams.row(text.id), { reason: 'abandoned', attempt: 1, lease_token: null })
  await streams.until(() => streams.telemetry.lines.some(({ event }) => event === 'sweeper.leases_returned'))
  t.match(await streams.row(mail.id), { status: /pending|sending/ })
  t.same((await new Recovery(new Store(streams.pool)).returnLeases(0)).abandoned, [])
  await streams.pool.query(`UPDATE notifications SET status = 'cancelled' WHERE id = $1`, [mail.id])
})
