import fc from 'fast-check'
import t from 'tap'
import { canonicalAddress } from '../../../src/model/address.js'
import type { Channel } from '../../../src/model/notification.js'
import {
  type Recipient,
  type Standing,
  type SuppressionReason,
  UNKNOWN,
  UNKNOWN_STANDING,
} from '../../../src/model/recipient.js'
import { PostgresBlocklist } from '../../../src/state/postgres/blocklist.js'
import { PostgresRecipients } from '../../../src/state/postgres/recipients.js'
import { PostgresSuppressions } from '../../../src/state/postgres/suppressions.js'
import { nobody, testRecipients } from '../../support/recipients.js'
import { Gate } from '../../support/waiting.js'

const { a, b, store, pool } = await testRecipients(t)

const to = (
  userId: string,
  channel: Channel = 'email',
  address: string | null = null,
  tenantId = 'acme',
) => ({
  tenantId,
  userId,
  channel,
  address,
})
const ada = { tenantId: 'acme', userId: 'ada' }

t.test('of somebody who has told us nothing there is one answer, and it is remembered', async (t) => {
  a.store.statements = 0
  const [one, two] = await a.known.find([to('stranger'), to('stranger', 'webhook', 'https://x.example')])
  t.equal(one, UNKNOWN_STANDING)
  t.equal(two, UNKNOWN_STANDING)
  t.equal(a.store.statements, 1)
  t.equal((await a.known.find([to('stranger')]))[0], UNKNOWN_STANDING)
  t.equal(a.store.statements, 1)
})

t.test('everything about a batch comes in one statement, and in order', async (t) => {
  await a.directory.put('acme', [
    {
      userId: 'ada',
      email: 'Ada@Example.com',
      phone: '+8613800138000',
      locale: 'zh-CN',
      timezone: 'Asia/Shanghai',
      quietHours: [{ start: 1320, end: 480 }],
      devices: [{ platform: 'fcm', token: 'secret' }],
    },
    { ...nobody, userId: 'bob', email: 'bob@example.com', quietHours: [] },
  ])
  const rule = {
    scope: 'group',
    name: 'marketing',
    channel: 'email',
    enabled: false,
    frequency: 'daily',
  } as const
  await a.preferences.put(ada, [rule])
  await a.blocklist.add({ tenantId: 'acme', userId: 'eve' }, null, 'boss')
  await a.suppressions.add({ tenantId: 'acme', channel: 'email', address: 'ada@EXAMPLE.com' }, 'bounce', null)
  await b.caughtUp()
  b.store.statements = 0
  const batch = [to('bob'), to('ada'), to('eve'), to('ada', 'in_app'), to('cy', 'email', ' ADA@example.com ')]
  const found = await b.known.find(batch)
  const recipient: Recipient = {
    email: 'Ada@Example.com',
    phone: '+8613800138000',
    devices: [{ platform: 'fcm', token: 'secret' }],
    locale: 'zh-CN',
    timezone: 'Asia/Shanghai',
    quietHours: [{ start: 1320, end: 480 }],
    blocked: false,
    subscriptions: [rule],
  }
  t.strictSame(found, [
    { recipient: { ...UNKNOWN, email: 'bob@example.com', quietHours: [] }, suppression: null },
    { recipient, suppression: 'bounce' },
    { recipient: { ...UNKNOWN, blocked: true }, suppression: null },
    { recipient, suppression: null },
    { recipient: UNKNOWN, suppression: 'bounce' },
  ])
  t.equal(b.store.statements, 1)
  t.strictSame(await b.known.find(batch), found)
  t.equal(b.store.statements, 1)
})

t.test('an address that the sender gives counts instead of the one in the directory', async (t) => {
  const [good, listed, bad] = await a.known.find([
    to('ada', 'email', 'other@example.com'),
    to('ada'),
    to('bob', 'email', 'ada@example.com'),
  ])
  t.equal(good?.suppression, null)
  t.equal(listed?.suppression, 'bounce')
  t.equal(bad?.suppression, 'bounce')
})

t.test('an address is suppressed on its channel and in its tenant only', async (t) => {
  const hook = 'https://hooks.example/A'
  await a.suppressions.add({ tenantId: 'acme', channel: 'webhook', address: hook }, 'manual', null)
  const found = await a.known.find([
    to('x', 'webhook', hook),
    to('x', 'webhook', hook.toLowerCase()),
    to('x', 'email', hook),
    to('x', 'webhook', hook, 'globex'),
    to('x', 'email', 'ada@example.com', 'globex'),
  ])
  t.same(
    found.map(({ suppression }) => suppression),
    ['manual', null, null, null, null],
  )
})

t.test('what one instance changes, the other forgets at once', async (t) => {
  const user = { tenantId: 'acme', userId: 'told' }
  const address = { tenantId: 'acme', channel: 'email', address: 'told@example.com' } as const
  const seen = async (): Promise<Standing | undefined> => (await b.known.find([to('told')]))[0]
  t.equal(await seen(), UNKNOWN_STANDING)
  await a.directory.put('acme', [{ ...nobody, userId: 'told', email: 'told@example.com' }])
  await b.caughtUp()
  t.match(await seen(), { recipient: { email: 'told@example.com' }, suppression: null })
  await a.suppressions.add(address, 'complaint', null)
  await b.caughtUp()
  t.match(await seen(), { suppression: 'complaint' })
  await a.suppressions.remove(address)
  await a.blocklist.add(user, null, 'boss')
  await b.caughtUp()
  t.match(await seen(), { recipient: { blocked: true }, suppression: null })
  await a.blocklist.remove(user)
  await a.directory.prefer(user, { timezone: 'Europe/Berlin' })
  await a.preferences.unsubscribe(user, { kind: 'group', group: 'marketing' }, null)
  await b.caughtUp()
  t.match(await seen(), {
    recipient: { blocked: false, timezone: 'Europe/Berlin', subscriptions: [{ name: 'marketing' }] },
  })
  await a.preferences.remove(user, { scope: null, name: null, channel: null })
  await b.caughtUp()
  t.match(await seen(), { recipient: { subscriptions: { length: 0 } } })
  await a.personalData.erase(user)
  await b.caughtUp()
  t.equal(await seen(), UNKNOWN_STANDING)
})

t.test('an instance sees its own changes before anybody tells it', async (t) => {
  const deaf = { listening: true, on: () => undefined, onGap: () => undefined, close: async () => undefined }
  const known = new PostgresRecipients(store, deaf, { cacheSize: 10 })
  const user = { tenantId: 'acme', userId: 'own' }
  const find = async () => (await known.find([to('own', 'email', 'Own@example.com')]))[0]
  t.equal(await find(), UNKNOWN_STANDING)
  await new PostgresBlocklist(store, known).add(user, null, 'boss')
  t.match(await find(), { recipient: { blocked: true } })
  const suppressions = new PostgresSuppressions(store, known)
  const address = { tenantId: 'acme', channel: 'email', address: ' OWN@example.com' } as const
  await suppressions.add(address, 'manual', null)
  t.match(await find(), { suppression: 'manual' })
  await suppressions.remove(address)
  t.match(await find(), { suppression: null })
})

t.test('what was read before a change and comes after it is not kept', async (t) => {
  const user = { tenantId: 'acme', userId: 'race' }
  const address = { tenantId: 'acme', channel: 'email', address: 'race@example.com' } as const
  await a.directory.put('acme', [{ ...nobody, userId: 'race', email: 'race@example.com' }])
  await b.caughtUp()
  const gate = new Gate()
  b.store.hold = gate.opened
  const early = b.known.find([to('race'), to('other', 'email', 'race@example.com')])
  await b.store.held.until(() => b.store.waiting === 1, 'the statement to be answered')
  b.store.hold = null
  await a.suppressions.add(address, 'bounce', null)
  await a.blocklist.add(user, null, 'boss')
  await b.caughtUp()
  gate.open()
  await early
  const late = await b.known.find([to('race'), to('other', 'email', 'race@example.com')])
  t.match(late, [{ recipient: { blocked: true }, suppression: 'bounce' }, { suppression: 'bounce' }])
})

t.test('while changes may be missed, nothing old is said', async (t) => {
  const user = { tenantId: 'acme', userId: 'gap' }
  const find = async () => (await b.known.find([to('gap', 'email', 'gap@example.com')]))[0]
  t.equal(await find(), UNKNOWN_STANDING)
  const lost = b.log.next('postgres.listener_lost')
  const back = b.log.next('postgres.listener_back')
  // Every listener of the database, and none can connect again: nobody hears what follows.
  const open = (may: boolean) =>
    pool.query('UPDATE pg_database SET datallowconn = $1 WHERE datname = current_database()', [may])
  await open(false)
  await pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'notification-service listener'`,
  )
  await lost
  t.notOk(b.changes.listening)
  await a.blocklist.add(user, null, 'boss')
  t.match(await find(), { recipient: { blocked: true } })
  await a.suppressions.add({ tenantId: 'acme', channel: 'email', address: 'gap@example.com' }, 'bounce', null)
  t.match(await find(), { suppression: 'bounce' })
  await open(true)
  await back
  await a.blocklist.remove(user)
  await b.caughtUp()
  t.match(await find(), { recipient: { blocked: false }, suppression: 'bounce' })
  b.store.statements = 0
  await find()
  t.equal(b.store.statements, 0, 'and what is heard of again is remembered again')
})

/** What each step of a random history does, and what the world is afterwards. */
const USERS = ['u1', 'u2', 'u3']
const MAILS = ['One@example.com', 'two@example.com']
const REASONS: readonly SuppressionReason[] = ['bounce', 'complaint', 'manual']
const change = fc.oneof(
  fc.record({
    what: fc.constant('put' as const),
    user: fc.constantFrom(...USERS),
    mail: fc.constantFrom(...MAILS, null),
  }),
  fc.record({ what: fc.constant('block' as const), user: fc.constantFrom(...USERS) }),
  fc.record({ what: fc.constant('unblock' as const), user: fc.constantFrom(...USERS) }),
  fc.record({
    what: fc.constant('suppress' as const),
    mail: fc.constantFrom(...MAILS),
    reason: fc.constantFrom(...REASONS),
  }),
  fc.record({ what: fc.constant('release' as const), mail: fc.constantFrom(...MAILS) }),
  fc.record({ what: fc.constant('erase' as const), user: fc.constantFrom(...USERS) }),
)
const ask = fc.record({
  what: fc.constant('ask' as const),
  batch: fc.array(
    fc.record({
      userId: fc.constantFrom(...USERS),
      channel: fc.constantFrom<Channel>('email', 'in_app', 'webhook'),
      given: fc.constantFrom('ONE@example.com', 'two@example.com', 'three@example.com', null),
    }),
    { maxLength: 6 },
  ),
})
const step = fc.oneof({ arbitrary: change, weight: 3 }, { arbitrary: ask, weight: 2 })

t.test('through any history, both instances say what is so', async (t) => {
  const small = await testRecipients(t, { cacheSize: 2 })
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.boolean(), async (steps, onB) => {
      const tenantId = `world${run++}`
      const mails = new Map<string, string | null>()
      const blocked = new Set<string>()
      const suppressed = new Map<string, SuppressionReason>()
      const writer = onB ? small.b : small.a
      for (const one of steps) {
        switch (one.what) {
          case 'put':
            await writer.directory.put(tenantId, [{ ...nobody, userId: one.user, email: one.mail }])
            mails.set(one.user, one.mail)
            break
          case 'block':
            await writer.blocklist.add({ tenantId, userId: one.user }, null, 'boss')
            blocked.add(one.user)
            break
          case 'unblock':
            await writer.blocklist.remove({ tenantId, userId: one.user })
            blocked.delete(one.user)
            break
          case 'suppress':
            await writer.suppressions.add({ tenantId, channel: 'email', address: one.mail }, one.reason, null)
            suppressed.set(canonicalAddress('email', one.mail), one.reason)
            break
          case 'release':
            await writer.suppressions.remove({ tenantId, channel: 'email', address: one.mail })
            suppressed.delete(canonicalAddress('email', one.mail))
            break
          case 'erase':
            await writer.personalData.erase({ tenantId, userId: one.user })
            mails.delete(one.user)
            break
          case 'ask': {
            const batch = one.batch.map(({ userId, channel, given }) => to(userId, channel, given, tenantId))
            const expected = batch.map(({ userId, channel, address }) => {
              const mail = address ?? mails.get(userId) ?? null
              return {
                recipient: { ...UNKNOWN, email: mails.get(userId) ?? null, blocked: blocked.has(userId) },
                suppression:
                  channel === 'email' && mail !== null
                    ? (suppressed.get(canonicalAddress('email', mail)) ?? null)
                    : null,
              }
            })
            await (onB ? small.a : small.b).caughtUp()
            t.strictSame(await small.a.known.find(batch), expected)
            t.strictSame(await small.b.known.find(batch), expected)
          }
        }
      }
    }),
    { numRuns: 40 },
  )
})
