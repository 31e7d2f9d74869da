import t from 'tap'
import { memoryPorts } from './memory-ports.js'
import { type Client, NOW, serve, token, VALID } from './support.js'

const SEND = '/api/v1/notifications/send'

async function send(client: Client, change: object = {}): Promise<string> {
  const { body } = await client.call('POST', SEND, { body: { ...VALID, ...change } })
  return typeof body === 'object' && body !== null && 'id' in body ? String(body.id) : ''
}

t.test('a notification is read with its attempts, by sender and recipient', async (t) => {
  const client = await serve(t)
  const id = await send(client)
  for (const given of [await token('svc', 't1', ['sender']), await token('u1', 't1', ['user'])]) {
    t.match(await client.call('GET', `/api/v1/notifications/${id}`, { token: given }), {
      status: 200,
      body: {
        id,
        tenant_id: 't1',
        user_id: 'u1',
        status: 'sent',
        read_at: null,
        attempts: [{ attempt: 1, result: 'sent', provider_id: 'p-1', failure_code: null }],
      },
    })
    t.match(await client.call('GET', `/api/v1/notifications/${id}/status`, { token: given }), {
      body: { id, status: 'sent', reason: null, attempt: 0 },
    })
  }
})

t.test('where else somebody could be reached is shown to those who send only', async (t) => {
  const client = await serve(t)
  const metadata = { webhook_url: 'https://hooks.example.org/secret', devices: [], order: 7 }
  const id = await send(client, { metadata })
  const user = await token('u1', 't1', ['user'])
  const one = `/api/v1/notifications/${id}`
  for (const [method, path] of [
    ['GET', one],
    ['POST', `${one}/read`],
  ] as const) {
    const { body } = await client.call(method, path, { token: user })
    t.same(Object(body).metadata, { order: 7 }, path)
  }
  const listed = await client.call('GET', '/api/v1/users/u1/notifications', { token: user })
  t.match(listed.body, { notifications: [{ id, metadata: { order: 7, webhook_url: undefined } }] })
  const sender = await client.call('GET', one, { token: await token('svc', 't1', ['sender']) })
  t.match(sender.body, { metadata })
})

t.test('an inbox is listed in pages and filtered', async (t) => {
  const client = await serve(t)
  const user = await token('u1', 't1', ['user'])
  for (let n = 0; n < 25; n += 1) await send(client)
  const other = await send(client, { user_id: 'u2' })
  const list = (query: string) =>
    client.call('GET', `/api/v1/users/u1/notifications${query}`, { token: user })
  const seen = new Set<string>()
  let cursor = ''
  for (const expected of [20, 5]) {
    const { body } = await list(cursor)
    const { notifications, next_cursor } = Object(body)
    t.equal(notifications.length, expected)
    for (const { id } of notifications) seen.add(id)
    cursor = `?cursor=${next_cursor}`
  }
  t.equal(cursor, '?cursor=null', 'the last page says that it is the last')
  t.equal(seen.size, 25)
  t.notOk(seen.has(other))
  const [first = ''] = seen
  await client.call('POST', `/api/v1/notifications/${first}/read`, { token: user })
  t.equal(Object((await list('?unread=true&limit=100')).body).notifications.length, 24)
  t.equal(Object((await list('?unread=false')).body).notifications.length, 1)
  await client.call('POST', `/api/v1/notifications/${first}/archive`, { token: user })
  t.equal(Object((await list('?archived=true')).body).notifications.length, 1)
  t.equal(Object((await list('?channel=email')).body).notifications.length, 0)
  for (const [query, field] of [
    ['?limit=0', '/limit'],
    ['?limit=101', '/limit'],
    ['?limit=ten', '/limit'],
    ['?unread=maybe', '/unread'],
    ['?channel=pigeon', '/channel'],
    ['?cursor=%00', '/cursor'],
    ['?page=2', '/page'],
  ]) {
    t.match(await list(query ?? ''), {
      status: 400,
      body: { code: 'validation_failed', errors: [{ field }] },
    })
  }
})

t.test('reading, unreading and counting, by the user and by an admin', async (t) => {
  const client = await serve(t)
  const user = await token('u1', 't1', ['user'])
  const admin = await token('boss', 't1', ['admin'])
  const [id] = [await send(client), await send(client)]
  const count = async () =>
    Object((await client.call('GET', '/api/v1/users/u1/unread_count', { token: user })).body)
  const change = (what: string, given = user) =>
    client.call('POST', `/api/v1/notifications/${id}/${what}`, { token: given })
  t.same(await count(), { user_id: 'u1', unread_count: 2 })
  t.match(await change('read'), { status: 200, body: { id, read_at: /Z$/ } })
  t.same(await count(), { user_id: 'u1', unread_count: 1 })
  t.match(await change('unread', admin), { status: 200, body: { id, read_at: null } })
  t.match(await client.call('POST', '/api/v1/users/u1/read_all', { token: user }), {
    status: 200,
    body: { updated: 2 },
  })
  t.same(await count(), { user_id: 'u1', unread_count: 0 })
  const stranger = await token('u2', 't1', ['user'])
  t.match(await change('read', stranger), { status: 404, body: { code: 'not_found' } })
  t.match(await change('read', await token('boss', 't2', ['admin'])), { status: 404 })
  const empty = { token: user, headers: { 'content-type': 'application/json' } }
  t.equal((await client.call('POST', `/api/v1/notifications/${id}/read`, empty)).status, 200)
})

t.test('what is pending can be cancelled or moved, what is not cannot', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  const later = new Date(NOW + 3_600_000).toISOString()
  const id = await send(client, { scheduled_at: later })
  const move = (scheduled_at: unknown) =>
    client.call('POST', `/api/v1/notifications/${id}/reschedule`, { body: { scheduled_at } })
  const next = new Date(NOW + 7_200_000).toISOString()
  t.match(await move(next), { status: 200, body: { id, scheduled_at: next, due_at: next } })
  for (const time of ['soon', new Date(NOW - 61_000).toISOString(), undefined, 5]) {
    t.match(await move(time), { status: 400, body: { errors: [{ field: '/scheduled_at' }] } })
  }
  const cancel = () => client.call('POST', `/api/v1/notifications/${id}/cancel`)
  t.match(await cancel(), { status: 200, body: { id, status: 'cancelled' } })
  t.match(await cancel(), { status: 409, body: { code: 'conflict' } })
  t.match(await move(next), { status: 409, body: { code: 'conflict' } })
  t.match(await client.call('POST', '/api/v1/notifications/notif_1/cancel'), { status: 404 })
})
