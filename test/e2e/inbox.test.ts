import t from 'tap'
import type { Page } from '../support/client.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { Device, type Frame } from '../support/receivers.js'

const daemon = await startDaemon(t, { env: { LOG_LEVEL: 'debug' } })
const service = await daemon.sender()

const count = (n: number) => (frame: Frame) => frame.type === 'unread_count' && frame.count === n

t.test('a user with two devices', async (t) => {
  const ada = await daemon.client('ada', ['user'])
  const phone = await Device.connect(t, daemon.url, ada.caller.token)
  const laptop = await Device.connect(t, daemon.url, ada.caller.token)
  const unread = async () => (await ada.get('/api/v1/users/ada/unread_count')).body

  const { status, body: sent } = await service.send({ priority: 'high', metadata: { order: 7 } })
  t.equal(status, 200)
  t.equal(sent.status, 'sent', 'delivered by the answer')
  for (const device of [phone, laptop]) {
    const frame = await device.got(({ type }) => type === 'notification', 'the notification')
    t.match(frame, { id: sent.id, title: `${MARK} title`, priority: 'high', metadata: { order: 7 } })
    await device.got(count(1), 'the count')
  }
  const second = await service.accepted({ title: `${MARK} second` })
  await phone.got(count(2), 'the next count')

  const list = async (query: string) =>
    (await ada.get<{ notifications: { id: string }[] }>(`/api/v1/users/ada/notifications${query}`)).body
      .notifications
  t.same(
    (await list('')).map(({ id }) => id),
    [second, sent.id],
    'newest first',
  )
  t.same(await unread(), { user_id: 'ada', unread_count: 2 })

  await ada.post(`/api/v1/notifications/${sent.id}/read`)
  for (const device of [phone, laptop]) {
    await device.got(({ type, id }) => type === 'read' && id === sent.id, 'word of what was read')
  }
  t.same(await unread(), { user_id: 'ada', unread_count: 1 })
  t.same(
    (await list('?unread=true')).map(({ id }) => id),
    [second],
  )

  await ada.post(`/api/v1/notifications/${second}/archive`)
  await laptop.got(count(0), 'that nothing is left')
  t.same(
    (await list('')).map(({ id }) => id),
    [sent.id],
  )
  t.same(
    (await list('?archived=true')).map(({ id }) => id),
    [second],
  )
})

t.test('pages of 20', async (t) => {
  const ids: string[] = []
  for (let n = 0; n < 25; n += 1) ids.unshift(await service.accepted({ user_id: 'bea' }))
  const bea = await daemon.client('bea', ['user'])
  const path = '/api/v1/users/bea/notifications'
  const { body: first } = await bea.get<Page>(path)
  const { body: second } = await bea.get<Page>(`${path}?cursor=${first.next_cursor}`)
  t.same([first.notifications.length, second.notifications.length], [20, 5])
  t.same(
    [...first.notifications, ...second.notifications].map(({ id }) => id),
    ids,
  )
  t.equal(second.next_cursor, null)
  t.match((await bea.post('/api/v1/users/bea/read_all')).body, { updated: 25 })
})

t.test('read ten times at once, counted once', async (t) => {
  const [id = ''] = await Promise.all(Array.from({ length: 15 }, () => service.accepted({ user_id: 'fay' })))
  const fay = await daemon.client('fay', ['user'])
  const unread = async () => (await fay.get('/api/v1/users/fay/unread_count')).body
  t.match(await unread(), { unread_count: 15 })
  const device = await Device.connect(t, daemon.url, fay.caller.token)
  await Promise.all(Array.from({ length: 10 }, () => fay.post(`/api/v1/notifications/${id}/read`)))
  t.match(await unread(), { unread_count: 14 })
  await service.accepted({ user_id: 'fay' })
  await device.got(count(15), 'what came after')
  t.equal(device.frames.filter(({ type }) => type === 'read').length, 1)
})

t.test('of nobody else', async (t) => {
  const id = await service.accepted({ user_id: 'carl' })
  const eve = await daemon.client('eve', ['user'])
  const stranger = await daemon.client('carl', ['user', 'sender', 'admin'], 'another')
  t.equal((await eve.get('/api/v1/users/carl/notifications')).status, 403)
  t.equal((await eve.get(`/api/v1/notifications/${id}`)).status, 404)
  t.equal((await eve.post(`/api/v1/notifications/${id}/read`)).status, 404)
  t.equal((await stranger.get(`/api/v1/notifications/${id}`)).status, 404)
  t.same((await stranger.all('carl', 'in_app')).length, 0)
})

t.test('what is kept about a user can be had and erased', async (t) => {
  const admin = await daemon.client('root', ['admin'])
  await service.accepted({ user_id: 'dora' })
  const exported = await admin.get<{ user_id: string; title: string }>('/api/v1/users/dora/export')
  t.match(exported.body, { user_id: 'dora', title: `${MARK} title` })
  t.match((await admin.call('DELETE', '/api/v1/users/dora')).body, { erased: 1, remaining: 0 })
  t.same(await service.all('dora', 'in_app'), [])
})

t.test('the log', async (t) => checkLog(t, daemon))
