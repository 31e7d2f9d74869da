import fc from 'fast-check'
import t from 'tap'
import { CHANNELS } from '../../../src/model/notification.js'
import { preferenceFor } from '../../../src/model/preference.js'
import { FREQUENCIES, GROUPS, groupOf, type Subscription } from '../../../src/model/recipient.js'
import { GROUPS as LISTED, testRecipients } from '../../support/recipients.js'

const { a, pool } = await testRecipients(t)
const { preferences } = a

const user = (userId: string, tenantId = 'acme') => ({ tenantId, userId })
const type = (name: string, changes: Partial<Subscription> = {}): Subscription => ({
  scope: 'type',
  name,
  channel: null,
  enabled: true,
  frequency: 'immediate',
  ...changes,
})
const group = (name: string, changes: Partial<Subscription> = {}): Subscription => ({
  ...type(name),
  scope: 'group',
  ...changes,
})
const EVERYTHING = { scope: null, name: null, channel: null }

t.test('rules are added to those that are there, or take their place', async (t) => {
  const ada = user('ada')
  t.same(await preferences.list(ada), [])
  await preferences.put(ada, [type('a'), type('a', { channel: 'email', frequency: 'daily' })])
  const after = await preferences.put(ada, [type('a', { enabled: false }), group('billing')])
  const expected = [
    group('billing'),
    type('a', { enabled: false }),
    type('a', { channel: 'email', frequency: 'daily' }),
  ]
  t.match(after, expected)
  t.equal(after.length, 3)
  t.same(await preferences.list(ada), after)
  t.same(await preferences.list(user('ada', 'globex')), [])
})

t.test('a user has 500 rules and no more', async (t) => {
  const bob = user('bob')
  const many = (from: number, count: number) => Array.from({ length: count }, (_, n) => type(`t${from + n}`))
  for (const from of [0, 200]) await preferences.put(bob, many(from, 200))
  t.equal((await preferences.put(bob, many(400, 100))).length, 500)
  await t.rejects(preferences.put(bob, [type('t0', { enabled: false }), type('one.too.many')]), {
    code: 'validation_failed',
    errors: [{ field: '/subscriptions', message: /500/ }],
  })
  const kept = await preferences.list(bob)
  t.equal(kept.length, 500)
  t.ok(
    kept.every(({ enabled }) => enabled),
    'nothing of what was refused is there',
  )
  t.equal((await preferences.put(bob, [type('t0', { enabled: false })])).length, 500, 'changes still fit')
})

t.test('what fits everything that is named goes back to the default', async (t) => {
  const cy = user('cy')
  const rules = [
    type('a'),
    type('a', { channel: 'email' }),
    type('b', { channel: 'email' }),
    group('billing', { channel: 'email' }),
    group('billing'),
  ]
  for (const [filter, left] of [
    [{ ...EVERYTHING, scope: 'type', name: 'a' }, 3],
    [{ ...EVERYTHING, scope: 'type', name: 'a', channel: 'email' }, 4],
    [{ ...EVERYTHING, scope: 'group', name: 'billing' }, 3],
    [{ ...EVERYTHING, scope: 'group', name: 'a' }, 5],
    [{ ...EVERYTHING, channel: 'email' }, 2],
    [EVERYTHING, 0],
  ] as const) {
    await preferences.put(cy, rules)
    t.equal(await preferences.remove(cy, filter), 5 - left, JSON.stringify(filter))
    t.equal((await preferences.list(cy)).length, left)
  }
  await preferences.put(cy, rules)
  await preferences.remove(user('cy', 'globex'), EVERYTHING)
  t.equal((await preferences.list(cy)).length, 5)
})

const TYPES = ['marketing', 'marketing.x', 'weekly_offer', 'billing.x', 'other', 'system', 'security']
const rule = fc.record({
  place: fc.constantFrom(
    ...TYPES.map((name) => ({ scope: 'type', name }) as const),
    ...GROUPS.map((name) => ({ scope: 'group', name }) as const),
    { scope: 'all', name: '' } as const,
  ),
  channel: fc.constantFrom(...CHANNELS, null),
  enabled: fc.boolean(),
  frequency: fc.constantFrom(...FREQUENCIES),
})

t.test('after unsubscribing, nothing of the group is on and everything else is as it was', async (t) => {
  let run = 0
  const rules = fc
    .uniqueArray(rule, {
      maxLength: 15,
      selector: ({ place, channel }) => `${place.scope} ${place.name} ${channel}`,
    })
    .map((all) => all.map(({ place, ...rest }): Subscription => ({ ...place, ...rest })))
  await fc.assert(
    fc.asyncProperty(rules, fc.constantFrom('activity', 'billing', 'marketing'), async (before, unwanted) => {
      const one = user(`unwilling${run++}`)
      if (before.length > 0) await preferences.put(one, before)
      t.equal(await preferences.unsubscribe(one, { kind: 'group', group: unwanted }, null), 'done')
      const after = await preferences.list(one)
      for (const name of [...TYPES, 'never.named', 'marketing.never.named']) {
        const its = groupOf(name, LISTED)
        for (const channel of CHANNELS) {
          const preference = preferenceFor(after, name, its, channel)
          if (its === unwanted) t.equal(preference?.enabled, false, `${name} by ${channel}`)
          else t.strictSame(preference, preferenceFor(before, name, its, channel), `${name} by ${channel}`)
        }
      }
    }),
    { numRuns: 60 },
  )
})

t.test('a link turns off its type by its channel, and only once', async (t) => {
  const dan = user('dan')
  const unwanted = { kind: 'type', notificationType: 'marketing.x', channel: 'email' } as const
  const link = { notificationId: 'notif_1' }
  const off = () => preferences.unsubscribe(dan, unwanted, link)
  t.equal(await off(), 'done')
  t.match(await preferences.list(dan), [type('marketing.x', { channel: 'email', enabled: false })])
  await preferences.put(dan, [type('marketing.x', { channel: 'email', frequency: 'weekly' })])
  t.equal(await off(), 'used_before')
  t.match(await preferences.list(dan), [{ enabled: true }], 'the user has decided otherwise since')
  t.equal(
    await preferences.unsubscribe(dan, { kind: 'group', group: 'marketing' }, link),
    'done',
    'the other link',
  )
  t.match(await preferences.list(dan), [
    group('marketing', { enabled: false }),
    { enabled: false, frequency: 'weekly' },
  ])
  t.equal(await preferences.unsubscribe(dan, { kind: 'group', group: 'marketing' }, link), 'used_before')
  const other = user('dan', 'globex')
  t.equal(await preferences.unsubscribe(other, unwanted, link), 'done', 'of another tenant')
})

t.test('of ten uses of a link at once, one counts', async (t) => {
  const unwanted = { kind: 'group', group: 'activity' } as const
  const uses = await Promise.all(
    Array.from({ length: 10 }, () =>
      preferences.unsubscribe(user('ten'), unwanted, { notificationId: 'notif_2' }),
    ),
  )
  t.equal(uses.filter((use) => use === 'done').length, 1)
  t.match(await preferences.list(user('ten')), [group('activity', { enabled: false })])
})

t.test('a use that cannot be recorded turns nothing off', async (t) => {
  await pool.query(
    'ALTER TABLE used_unsubscribe_links ADD CONSTRAINT closed CHECK (notification_id <> $$notif_3$$)',
  )
  const unwanted = { kind: 'group', group: 'activity' } as const
  await t.rejects(preferences.unsubscribe(user('eve'), unwanted, { notificationId: 'notif_3' }))
  t.same(await preferences.list(user('eve')), [])
})
