import t from 'tap'
import { Archive } from '../../../src/state/postgres/archive.js'
import { ReadState } from '../../../src/state/postgres/read-state.js'
import { testLedger } from '../../support/ledger.js'

const SENT = { status: 'sent' } as const
const { store, insert, pool, ledger } = await testLedger(t)
const archive = new Archive(store)
const readState = new ReadState(store)

const inbox = (userId: string, changes = {}) =>
  ({
    tenantId: 'acme',
    userId,
    channel: 'in_app',
    unread: null,
    archived: false,
    limit: 20,
    cursor: null,
    ...changes,
  }) as const

async function fill(userId: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++)
    ids.push((await insert({ userId, channel: 'in_app', title: `n${n}` }, SENT)).id)
  return ids
}

t.test('pages come newest first, and every notification is on exactly one of them', async (t) => {
  const ids = await fill('pages', 45)
  // What one transaction wrote has one time: the order must hold all the same.
  await pool.query(
    `UPDATE notifications SET sent_at = date_trunc('seconds', sent_at) WHERE user_id = 'pages'`,
  )
  const seen: string[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<Archive['list']>> = await archive.list(inbox('pages', { cursor }))
    t.ok(page.items.length === 20 || page.nextCursor === null)
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== null)
  t.same([...seen].sort(), [...ids].sort())
  t.equal(new Set(seen).size, 45)
})

t.test("a cursor of somebody else's making is refused by name", async (t) => {
  for (const cursor of ['x', 'Jzs=', Buffer.from('1:a; drop').toString('base64url')]) {
    await t.rejects(archive.list(inbox('pages', { cursor })), {
      code: 'validation_failed',
      errors: [{ field: '/cursor' }],
    })
  }
})

t.test('filters by what was read and what was put away', async (t) => {
  const [a, b, c] = await fill('filters', 3)
  if (!a || !b || !c) throw new Error('unreachable')
  const user = { tenantId: 'acme', userId: 'filters' }
  await readState.change(user, a, 'read')
  await readState.change(user, b, 'archive')
  const ids = async (changes: object) =>
    (await archive.list(inbox('filters', changes))).items.map(({ id }) => id)
  t.same(await ids({}), [c, a])
  t.same(await ids({ unread: true }), [c])
  t.same(await ids({ unread: false }), [a])
  t.same(await ids({ archived: true }), [b])
})

t.test('ten equal changes at once move the count once', async (t) => {
  const [id] = await fill('ten', 1)
  if (!id) throw new Error('unreachable')
  const user = { tenantId: 'acme', userId: 'ten' }
  for (const [change, delta, changed] of [
    ['read', -1, 1],
    ['unread', 1, 1],
    ['unread', 0, 0],
    ['archive', -1, 1],
    ['read', 0, 1],
    ['archive', 0, 0],
  ] as const) {
    const results = await Promise.all(Array.from({ length: 10 }, () => readState.change(user, id, change)))
    t.equal(
      results.reduce((sum, result) => sum + (result?.delta ?? 0), 0),
      delta,
      change,
    )
    t.equal(results.filter((result) => result?.changed).length, changed, `${change} is told once`)
  }
  t.equal(await readState.countUnread(user), 0)
})

t.test('nobody changes or sees what is not theirs', async (t) => {
  const [id] = await fill('mine', 1)
  if (!id) throw new Error('unreachable')
  t.equal(await readState.change({ tenantId: 'acme', userId: 'thief' }, id, 'read'), null)
  t.equal(await readState.change({ tenantId: 'globex', userId: 'mine' }, id, 'read'), null)
  t.equal(await archive.find('globex', id), null)
  t.same((await archive.list({ ...inbox('mine'), tenantId: 'globex' })).items, [])
})

t.test('all can be read at once', async (t) => {
  await fill('all', 5)
  const user = { tenantId: 'acme', userId: 'all' }
  t.equal(await readState.countUnread(user), 5)
  t.equal(await readState.readAll(user), 5)
  t.equal(await readState.readAll(user), 0)
  t.equal(await readState.countUnread(user), 0)
})

t.test('what is not delivered, or not in-app, is not in the inbox', async (t) => {
  const user = { tenantId: 'acme', userId: 'other' }
  const webhook = await insert({ userId: 'other', channel: 'webhook' })
  await insert({ userId: 'other', channel: 'in_app' }, { status: 'suppressed', reason: 'rate_limited' })
  t.same((await archive.list(inbox('other'))).items, [])
  t.equal(await readState.countUnread(user), 0)
  t.same(
    (await archive.list(inbox('other', { channel: 'webhook' }))).items.map(({ id }) => id),
    [webhook.id],
  )
})

t.test('what is pending can be cancelled and moved; what is over cannot', async (t) => {
  const dueAt = Date.now() + 60_000
  const waiting = { status: 'pending', dueAt, admitted: false, reason: 'scheduled' } as const
  const { id } = await insert({ scheduledAt: dueAt }, waiting)
  const later = dueAt + 60_000
  t.match(await archive.reschedule('acme', id, later), {
    status: 'pending',
    dueAt: later,
    scheduledAt: later,
  })
  t.match(await archive.cancel('acme', id), { status: 'cancelled', dueAt: null })
  const paced = await insert({ scheduledAt: dueAt }, { ...waiting, reason: 'pace' })
  await archive.reschedule('acme', paced.id, later)
  t.match(
    await ledger.waiting([paced.id]),
    [{ notification: { deferredFor: 'scheduled', deferredUntil: later } }],
    'the place that it waited for is not its place any more',
  )
  await t.rejects(archive.cancel('acme', id), { code: 'conflict' })
  await t.rejects(archive.reschedule('acme', id, later), { code: 'conflict' })
  t.equal(await archive.cancel('globex', id), null)
  t.equal(await archive.cancel('acme', 'notif_none'), null)
})
