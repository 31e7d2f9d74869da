import t from 'tap'
import { TenantBroadcaster, UserEvents } from '../../src/sinks/websocket/announcements.js'
import { WebSocketSink } from '../../src/sinks/websocket/sink.js'
import { MemoryRelay } from '../../src/state/memory/relay.js'
import { aNotification } from '../support/notification.js'
import { recordLog } from '../support/recorded-log.js'
import { connect, openStand } from './websocket-stand.js'

const ann = { tenantId: 'acme', userId: 'ann' }
const clock = { now: () => 1_700_000_000_999 }
const patient = new AbortController().signal

const notification = aNotification({
  ...ann,
  id: 'notif_1',
  channel: 'websocket',
  priority: 'high',
  notificationType: 'system',
  title: '标题',
  content: 'Hello',
  createdAt: 0,
  attempt: 1,
})

t.test('the frame is as documented, without the addresses of other channels', async (t) => {
  const stand = await openStand(t)
  const client = await connect(t, stand, 'acme/ann')
  const sink = new WebSocketSink(stand.relay, clock)
  t.equal(sink.target(), null)
  const metadata = {
    email: 'a@b.c',
    phone: '1',
    webhook_url: 'https://x',
    link: '/orders/1',
    nested: { email: 1 },
  }
  t.same(await sink.send({ ...notification, metadata }, patient), {})
  t.same(await client.next(), {
    type: 'notification',
    id: 'notif_1',
    title: '标题',
    content: 'Hello',
    priority: 'high',
    metadata: { link: '/orders/1', nested: { email: 1 } },
    timestamp: 1_700_000_000,
  })
})

t.test('whether a frame is critical is up to the priority', async (t) => {
  const critical: boolean[] = []
  const relay = new MemoryRelay()
  relay.onFrame({
    toUser: (_user, frame) => critical.push(frame.critical),
    toTenant: () => {},
    interrupted: () => {},
  })
  await relay.join(ann)
  const sink = new WebSocketSink(relay, clock)
  await sink.send(notification, patient)
  await sink.send({ ...notification, priority: 'critical' }, patient)
  t.same(critical, [false, true])
})

t.test('offline is a failure that is not tried again', async (t) => {
  const sink = new WebSocketSink(new MemoryRelay(), clock)
  await t.rejects(sink.send(notification, patient), {
    name: 'DeliveryFailure',
    code: 'offline',
    retryable: false,
  })
})

t.test('so is a relay that is away, or does not answer', async (t) => {
  const cause = new Error('connection lost')
  const away = new WebSocketSink(
    withToUser(async () => Promise.reject(cause)),
    clock,
  )
  await t.rejects(away.send(notification, patient), { code: 'unavailable', retryable: false, cause })
  const silent = new WebSocketSink(
    withToUser(() => new Promise(() => {})),
    clock,
  )
  const controller = new AbortController()
  const sending = silent.send(notification, controller.signal)
  controller.abort()
  await t.rejects(sending, { code: 'timeout', retryable: false })
  await t.rejects(silent.send(notification, AbortSignal.abort()), { code: 'timeout' })
})

t.test('a broadcast reaches every socket of the tenant', async (t) => {
  const stand = await openStand(t)
  const clients = [await connect(t, stand, 'acme/ann'), await connect(t, stand, 'acme/bob')]
  const other = await connect(t, stand, 'other/ann')
  const broadcaster = new TenantBroadcaster(stand.relay, clock)
  const message = { title: 'T', content: 'C', priority: 'low', metadata: { a: 1, phone: '1' } } as const
  await broadcaster.broadcast('acme', message)
  for (const client of clients) {
    t.match(await client.next(), {
      type: 'notification',
      id: /^broadcast_[0-9a-f-]{36}$/,
      title: 'T',
      content: 'C',
      priority: 'low',
      metadata: { a: 1, phone: undefined },
      timestamp: 1_700_000_000,
    })
  }
  await broadcaster.broadcast('other', { ...message, title: 'other' })
  t.match(await other.next(), { title: 'other' })
})

t.test('a broadcast that the relay cannot take is refused', async (t) => {
  const relay = new MemoryRelay()
  const cause = new Error('connection lost')
  relay.toTenant = async () => Promise.reject(cause)
  const message = { title: 'T', content: 'C', priority: 'low', metadata: {} } as const
  await t.rejects(new TenantBroadcaster(relay, clock).broadcast('acme', message), {
    name: 'Failure',
    code: 'store_unavailable',
    cause,
  })
})

t.test('devices are kept in step', async (t) => {
  const stand = await openStand(t)
  const devices = [await connect(t, stand, 'acme/ann'), await connect(t, stand, 'acme/ann')]
  const events = new UserEvents(stand.relay, clock, stand.log)
  await events.unreadCount(ann, 3)
  await events.read(ann, 'notif_1')
  for (const device of devices) {
    t.same(await device.next(), { type: 'unread_count', count: 3 })
    t.same(await device.next(), { type: 'read', id: 'notif_1' })
  }
  t.equal(await events.notification({ ...notification, channel: 'in_app' }), true)
  for (const device of devices) {
    t.match(await device.next(), { type: 'notification', id: 'notif_1', timestamp: 1_700_000_000 })
  }
  t.equal(await events.notification({ ...notification, userId: 'nobody' }), false)
})

t.test('an event that the relay cannot take is logged, not thrown', async (t) => {
  const log = recordLog()
  const away = withToUser(async () => Promise.reject(new Error('away')))
  const events = new UserEvents(away, clock, log)
  await events.read(ann, 'x')
  await events.unreadCount(ann, 1)
  t.equal(await events.notification(notification), false)
  t.equal(log.count('relay.failed'), 3)
})

function withToUser(toUser: MemoryRelay['toUser']): MemoryRelay {
  const relay = new MemoryRelay()
  relay.toUser = toUser
  return relay
}
