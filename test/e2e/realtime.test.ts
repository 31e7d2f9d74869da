import t from 'tap'
import type { Static } from 'typebox'
import type { PresenceAnswer } from '../../src/api/schemas/presence.js'
import { type Daemon, TENANT } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { Device, type Frame } from '../support/receivers.js'
import { startHasty, startStack } from '../support/stack.js'
import { eventually } from '../support/waiting.js'

type Presence = Static<typeof PresenceAnswer>

const stack = await startStack(t)
const [here, there] = await Promise.all([
  startHasty(t, stack, { slots: 10, timeout: 5 }),
  startHasty(t, stack, { slots: 10, timeout: 5 }),
])
const [service, other] = await Promise.all([here.sender(), there.sender()])

const is =
  (type: string, fields: object = {}) =>
  (frame: Frame): boolean =>
    frame.type === type && Object.entries(fields).every(([name, value]) => frame[name] === value)
const shown = (device: Device): readonly unknown[] =>
  device.frames.filter(is('notification')).map(({ id }) => id)
const device = async (daemon: Daemon, userId: string, since: string | null = null): Promise<Device> =>
  Device.connect(t, daemon.url, await daemon.token(userId, ['user']), since)
const live = (user_id: string) => ({ channel: 'websocket', user_id })

t.test('a user with a device on each instance', async (t) => {
  const [phone, laptop] = [await device(here, 'ada'), await device(there, 'ada')]
  const devices = [phone, laptop]
  for (const sender of [service, other]) {
    const id = await sender.accepted(live('ada'))
    for (const one of devices) await one.got(is('notification', { id }), 'the notification')
    t.match(await sender.final(id), { status: 'sent' })
  }
  const ids = [await service.accepted({ user_id: 'ada' }), await other.accepted({ user_id: 'ada' })]
  for (const one of devices) await one.got(is('unread_count', { count: 2 }), 'the count of what both sent')

  const [first = '', second = ''] = ids
  const ada = await here.client('ada', ['user'])
  const adaThere = await there.client('ada', ['user'])
  for (const [client, path, frame, count] of [
    [ada, `notifications/${first}/read`, is('read', { id: first }), 1],
    [adaThere, `notifications/${first}/unread`, is('unread', { id: first }), 2],
    [ada, `notifications/${second}/archive`, is('archived', { id: second }), 1],
    [adaThere, 'users/ada/read_all', is('read_all'), 0],
  ] as const) {
    const before = devices.map(({ frames }) => frames.length)
    await client.post(`/api/v1/${path}`)
    for (const [n, one] of devices.entries()) {
      const later = (which: (frame: Frame) => boolean) => (frame: Frame) =>
        one.frames.indexOf(frame) >= (before[n] ?? 0) && which(frame)
      await one.got(later(frame), `word of ${path}`)
      await one.got(later(is('unread_count', { count })), `the count after ${path}`)
    }
  }
})

t.test('ten at once in both instances leave every device with the right count', async (t) => {
  const ids = await Promise.all(Array.from({ length: 15 }, () => service.accepted({ user_id: 'bea' })))
  const devices = [await device(here, 'bea'), await device(there, 'bea')]
  const clients = [await here.client('bea', ['user']), await there.client('bea', ['user'])]
  await Promise.all(
    ids
      .slice(0, 10)
      .flatMap((id) => clients.map((client) => client.post(`/api/v1/notifications/${id}/read`))),
  )
  t.match((await clients[0]?.get('/api/v1/users/bea/unread_count'))?.body, { unread_count: 5 })
  const last = await service.accepted({ user_id: 'bea' })
  for (const one of devices) {
    await one.got(is('notification', { id: last }), 'the last one')
    await one.got(is('unread_count', { count: 6 }), 'its count')
    const counts = one.frames.filter(is('unread_count')).map(({ count }) => count)
    t.same(counts.slice(-2), [5, 6])
    t.equal(one.frames.filter(is('read')).length, 10, 'each is told once')
  }
})

t.test('a broadcast reaches all devices once', async (t) => {
  const devices = [await device(here, 'cat'), await device(there, 'cat'), await device(there, 'dan')]
  const message = { tenant_id: TENANT, title: `${MARK} all`, content: MARK }
  t.equal((await other.post('/api/v1/broadcast', message)).status, 202)
  for (const one of devices) {
    await one.got(is('notification', { title: message.title }), 'the broadcast')
    t.equal(shown(one).length, 1)
  }
})

t.test('both know who is online', async (t) => {
  const phone = await device(here, 'eve')
  const laptop = await device(there, 'eve')
  const asked = async (query: string) => (await service.get<Presence>(`/api/v1/presence?${query}`)).body
  const eve = async () => (await asked('user_ids=eve,nobody')).users
  t.same(await eve(), [
    { user_id: 'eve', online: true },
    { user_id: 'nobody', online: false },
  ])
  await eventually(
    async () => (await asked('')).users.some(({ user_id }) => user_id === 'eve'),
    'her to be listed',
  )
  await phone.leave()
  t.match(await eve(), [{ online: true }])
  await laptop.leave()
  await eventually(async () => (await eve())[0]?.online === false, 'her to be offline')
})

t.test('a device that comes back is sent what it has missed', async (t) => {
  const phone = await device(here, 'fay')
  const seen = await service.accepted(live('fay'))
  await phone.got(is('notification', { id: seen }), 'the first')
  await phone.leave()
  await eventually(async () => {
    const { body } = await service.get<Presence>('/api/v1/presence?user_ids=fay')
    return body.users[0]?.online === false
  }, 'her to be offline')
  const missed = [
    await other.accepted({ user_id: 'fay' }),
    await service.accepted(live('fay')),
    await other.accepted({ user_id: 'fay', priority: 'critical' }),
  ]
  t.match(await service.final(missed[1] ?? ''), { status: 'failed', reason: 'offline' })
  const back = await device(there, 'fay', seen)
  t.match(await back.got(is('resumed'), 'the end'), { complete: true })
  const order = shown(back).filter((id) => missed.includes(`${id}`))
  t.same(new Set(order), new Set(missed))
  await back.got(is('unread_count', { count: 2 }), 'the count')
  const again = await device(here, 'fay', `${missed.at(-1)}`)
  await again.got(is('resumed', { complete: true }), 'the end')
  t.notOk(shown(again).includes(missed.at(-1)), 'what was seen last is not sent again')
})

t.test('an instance is stopped: its devices go to the other, and nothing is lost', async (t) => {
  const phone = await device(there, 'gus')
  const seen = await service.accepted(live('gus'))
  await phone.got(is('notification', { id: seen }), 'the first')
  const stopped = there.term()
  t.match(await phone.end(), { code: 1001 })
  const meanwhile = [await service.accepted({ user_id: 'gus' }), await service.accepted(live('gus'))]
  const back = await device(here, 'gus', seen)
  for (const id of meanwhile) await back.got(is('notification', { id }), 'what was sent meanwhile')
  t.match(await back.got(is('resumed'), 'the end'), { complete: true })
  t.match(await stopped, { code: 0 })
})

t.test('the log', async (t) => checkLog(t, here, there))
