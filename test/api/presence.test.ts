import t from 'tap'
import { Failure } from '../../src/model/failure.js'
import { MemoryPresence } from '../../src/state/memory/presence.js'
import { MemoryRelay } from '../../src/state/memory/relay.js'
import { serve, token } from './support.js'

const PRESENCE = '/api/v1/presence'

const relay = new MemoryRelay()
for (const userId of ['ann', 'bob', 'ü/x', 'user 4']) await relay.join({ tenantId: 't1', userId })
await relay.join({ tenantId: 't2', userId: 'carl' })
const client = await serve(t, { presence: new MemoryPresence(relay) })

const ask = (query: string, given?: string) =>
  client.call('GET', `${PRESENCE}${query}`, given === undefined ? {} : { token: given })

t.test('of some users, each in the order in which they were asked for', async (t) => {
  const ids = encodeURIComponent('bob,zoe,ü/x,bob,carl')
  t.same((await ask(`?user_ids=${ids}`)).body, {
    users: [
      { user_id: 'bob', online: true },
      { user_id: 'zoe', online: false },
      { user_id: 'ü/x', online: true },
      { user_id: 'carl', online: false },
    ],
  })
  const hundred = Array.from({ length: 100 }, (_, n) => `${n}`.padEnd(64, 'x'))
  t.equal(Object((await ask(`?user_ids=${hundred}`)).body).users.length, 100)
})

t.test('of all, page by page, with their number', async (t) => {
  const first = await ask('?limit=3')
  t.match(first, { status: 200, body: { users: { length: 3 }, online_count: 4, next_cursor: String } })
  const { users, next_cursor } = Object(first.body)
  const rest = await ask(`?limit=3&cursor=${next_cursor}`)
  t.match(rest.body, { users: { length: 1 }, online_count: 4, next_cursor: null })
  t.same(
    [...users, ...Object(rest.body).users],
    ['ann', 'bob', 'user 4', 'ü/x'].map((user_id) => ({ user_id, online: true })),
  )
  t.match((await ask('', await token('boss', 't2', ['admin']))).body, { users: [{ user_id: 'carl' }] })
})

t.test('each wrong field is named', async (t) => {
  const tooMany = Array.from({ length: 101 }, (_, n) => n).join(',')
  for (const [query, field] of [
    ['?user_ids=', '/user_ids'],
    ['?user_ids=a,,b', '/user_ids'],
    ['?user_ids=a%00', '/user_ids'],
    [`?user_ids=${'x'.repeat(65)}`, '/user_ids'],
    [`?user_ids=${tooMany}`, '/user_ids'],
    ['?user_ids=a&user_ids=b', '/user_ids'],
    ['?user_ids=a&limit=5', '/limit'],
    ['?user_ids=a&cursor=abc', '/cursor'],
    ['?limit=0', '/limit'],
    ['?limit=101', '/limit'],
    ['?cursor=abc', '/cursor'],
    ['?users=a', '/users'],
  ] as const) {
    t.match(
      await ask(query),
      { status: 400, body: { code: 'validation_failed', errors: [{ field }] } },
      query.slice(0, 40),
    )
  }
})

t.test('for senders and admins only', async (t) => {
  for (const [role, status] of [
    ['user', 403],
    ['sender', 200],
    ['admin', 200],
  ] as const) {
    t.equal((await ask('', await token('ann', 't1', [role]))).status, status, role)
  }
  t.equal((await client.call('GET', PRESENCE, { token: null })).status, 401)
})

t.test('while nobody knows it is 503', async (t) => {
  const away = async () => {
    throw new Failure('store_unavailable', 'away', { retryAfterMs: 3_000 })
  }
  const other = await serve(t, { presence: { online: away, list: away } })
  for (const query of ['', '?user_ids=ann']) {
    const { status, headers, body } = await other.call('GET', `${PRESENCE}${query}`)
    t.match({ status, body }, { status: 503, body: { code: 'store_unavailable' } })
    t.equal(headers.get('retry-after'), '3')
  }
})
