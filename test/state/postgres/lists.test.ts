import t from 'tap'
import type { Page } from '../../../src/api/ports.js'
import { nobody, testRecipients } from '../../support/recipients.js'

const { a, insert } = await testRecipients(t)
const { blocklist, suppressions, directory, preferences, personalData } = a

async function pages<T>(
  list: (cursor: string | null) => Promise<Page<T>>,
): Promise<readonly (readonly T[])[]> {
  const all: (readonly T[])[] = []
  let cursor: string | null = null
  do {
    const page: Page<T> = await list(cursor)
    all.push(page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return all
}

t.test('the blocklist is paged, each user on exactly one page', async (t) => {
  // As long, and as strange, as an id may be.
  const users = ['a', 'b b', "c'; drop", '\u{10FFFF}'.repeat(64), 'ü'].concat(
    Array.from({ length: 4 }, (_, n) => `n${n}`),
  )
  for (const userId of users)
    await blocklist.add({ tenantId: 'acme', userId }, `why ${userId.length}`, 'boss')
  await blocklist.add({ tenantId: 'globex', userId: 'theirs' }, null, 'boss')
  const seen = await pages((cursor) => blocklist.list('acme', { limit: 2, cursor }))
  t.same(
    seen.map((page) => page.length),
    [2, 2, 2, 2, 1],
  )
  t.same(seen.flatMap((page) => page.map(({ userId }) => userId)).sort(), [...users].sort())
  t.match(
    seen.flat().find(({ userId }) => userId === 'a'),
    { reason: 'why 1', createdBy: 'boss' },
  )
})

t.test('who is blocked twice is blocked once, for the later reason', async (t) => {
  const user = { tenantId: 'acme', userId: 'twice' }
  const first = await blocklist.add(user, 'one', 'boss')
  t.match(await blocklist.add(user, 'two', 'other'), {
    reason: 'two',
    createdAt: first.createdAt,
    createdBy: 'boss',
  })
  t.equal(await blocklist.remove({ ...user, tenantId: 'globex' }), false)
  t.equal(await blocklist.remove(user), true)
  t.equal(await blocklist.remove(user), false)
})

t.test('the suppression list is paged by channel and address', async (t) => {
  const mail = Array.from({ length: 5 }, (_, n) => `Mail${n}@example.com`)
  const hooks = ['https://a.example/x', `https://a.example/${'x'.repeat(2_000)}`]
  for (const address of mail)
    await suppressions.add({ tenantId: 'acme', channel: 'email', address }, 'bounce', 'n')
  for (const address of hooks)
    await suppressions.add({ tenantId: 'acme', channel: 'webhook', address }, 'manual', null)
  await suppressions.add({ tenantId: 'globex', channel: 'email', address: 'x@example.com' }, 'bounce', null)
  const any = { channel: null, address: null }
  const seen = await pages((cursor) => suppressions.list('acme', any, { limit: 3, cursor }))
  t.same(
    seen.flat().map(({ address }) => address),
    [...mail.map((address) => address.toLowerCase()), ...hooks],
  )
  t.equal(seen.length, 3)
  const page = { limit: 10, cursor: null }
  t.equal((await suppressions.list('acme', { channel: 'webhook', address: null }, page)).items.length, 2)
  t.match(await suppressions.list('acme', { channel: null, address: ' MAIL1@example.com' }, page), {
    items: [{ channel: 'email', address: 'mail1@example.com', reason: 'bounce', note: 'n' }],
    nextCursor: null,
  })
  t.same(
    (await suppressions.list('acme', { channel: 'webhook', address: 'mail1@example.com' }, page)).items,
    [],
  )
  t.same((await suppressions.list('acme', { channel: 'email', address: 'x@example.com' }, page)).items, [])
})

t.test('an address is one address in any spelling', async (t) => {
  const spelt = (address: string) => ({ tenantId: 'acme', channel: 'email', address }) as const
  const first = await suppressions.add(spelt('Ada@Example.com'), 'bounce', 'full')
  t.match(await suppressions.add(spelt('ADA@example.com'), 'complaint', null), {
    address: 'ada@example.com',
    reason: 'complaint',
    note: null,
    createdAt: first.createdAt,
  })
  t.equal(await suppressions.remove(spelt('ada@EXAMPLE.com')), true)
  t.equal(await suppressions.remove(spelt('ada@example.com')), false)
})

t.test("a cursor of somebody else's making is refused by name", async (t) => {
  const any = { channel: null, address: null }
  for (const text of [
    'x',
    '[]',
    '["a","b","c"]',
    '[1]',
    '["\\u0000"]',
    '["\\ud800"]',
    '["a","\\u0000"]',
    'null',
  ]) {
    const cursor = Buffer.from(text).toString('base64url')
    const refused = { code: 'validation_failed', errors: [{ field: '/cursor' }] }
    await t.rejects(blocklist.list('acme', { limit: 2, cursor }), refused, text)
    await t.rejects(suppressions.list('acme', any, { limit: 2, cursor }), refused, text)
  }
})

t.test(
  'what is known of a person is shown and erased; the lists that keep us from writing stay',
  async (t) => {
    const user = { tenantId: 'acme', userId: 'person' }
    t.equal(await personalData.profile(user), null)
    await directory.put('acme', [{ ...nobody, userId: 'person', email: 'P@example.com' }])
    await preferences.unsubscribe(user, { kind: 'group', group: 'marketing' }, null)
    await blocklist.add(user, 'asked for it', 'boss')
    await suppressions.add(
      { tenantId: 'acme', channel: 'email', address: 'p@example.com' },
      'complaint',
      null,
    )
    await insert({ userId: 'person', channel: 'in_app' }, { status: 'sent' })
    await insert({ userId: 'somebody else', channel: 'in_app' }, { status: 'sent' })
    await directory.put('acme', [{ ...nobody, userId: 'somebody else' }])
    t.match(await personalData.profile(user), {
      entry: { email: 'P@example.com' },
      subscriptions: [{ scope: 'group', name: 'marketing', enabled: false }],
      blocked: { reason: 'asked for it' },
      suppressions: [{ address: 'p@example.com', reason: 'complaint' }],
    })
    t.equal(await personalData.profile({ ...user, tenantId: 'globex' }), null)
    t.same(await personalData.erase({ ...user, tenantId: 'globex' }), { erased: 0, remaining: 0 })
    t.same(await personalData.erase(user), { erased: 1, remaining: 0 })
    t.match(await personalData.profile(user), {
      entry: null,
      subscriptions: { length: 0 },
      blocked: { userId: 'person' },
      suppressions: { length: 0 },
    })
    t.match(await a.known.find([{ ...user, channel: 'email', address: 'p@example.com' }]), [
      { recipient: { blocked: true, email: null, subscriptions: { length: 0 } }, suppression: 'complaint' },
    ])
    t.ok(await directory.find({ tenantId: 'acme', userId: 'somebody else' }))
  },
)
