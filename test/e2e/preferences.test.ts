import t, { type Test } from 'tap'
import type { Static } from 'typebox'
import type { BlocklistAnswer } from '../../src/api/schemas/blocklist.js'
import type { PreferencesAnswer } from '../../src/api/schemas/recipients.js'
import type { RemovedAnswer, SubscriptionsAnswer } from '../../src/api/schemas/subscriptions.js'
import type { SuppressionsAnswer } from '../../src/api/schemas/suppressions.js'
import type { JsonObject } from '../../src/model/json.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { startSmtp } from '../support/smtp.js'

const smtp = await startSmtp(t)
const daemon = await startDaemon(t, {
  config: { quiet_hours: { enabled: false }, consent: { opt_in_types: ['marketing.partners'] } },
  env: { LOG_LEVEL: 'debug', SMTP_HOST: '127.0.0.1', SMTP_PORT: `${smtp.port}` },
})
const service = await daemon.sender()
const admin = await daemon.client('operator', ['admin'])

const address = (name: string): string => `${name}.${MARK}@example.org`
const mail = (name: string): JsonObject => ({ channel: 'email', metadata: { email: address(name) } })
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString()
const HOUR_MS = 3_600_000
const nextHour = (): string => new Date((Math.floor(Date.now() / HOUR_MS) + 1) * HOUR_MS).toISOString()
const decide = (userId: string, ...subscriptions: JsonObject[]) =>
  service.put<Static<typeof SubscriptionsAnswer>>('/api/v1/subscriptions', { user_id: userId, subscriptions })

/** Sends and says what the answer and, later on, the notification itself say. */
async function outcome(t: Test, change: JsonObject): Promise<string> {
  const { body } = await service.send(change)
  const { status, reason } = await service.final(body.id)
  if (status === 'suppressed') t.match(body, { status, reason: `${reason}` }, 'the answer said so at once')
  return reason === null ? status : `${status}: ${reason}`
}

/** Where somebody was mailed to, in order. */
const mailedTo = (...names: string[]): string[] =>
  smtp.mails.flatMap(({ to }) => to).filter((to) => names.some((name) => to === address(name)))

/** Time enough to change something before it is sent. */
const SOON_MS = 2_500
const SALE = { notification_type: 'marketing.sale' }
const OFF = 'suppressed: not_subscribed'

t.test('the most specific decision counts', async (t) => {
  const byMail = mail('by-mail')
  const rows: readonly (readonly [
    what: string,
    rules: readonly JsonObject[],
    message: JsonObject,
    is: string,
  ])[] = [
    ['nothing decided', [], SALE, 'sent'],
    ['a type', [{ ...SALE, enabled: false }], SALE, OFF],
    ['another type', [{ ...SALE, enabled: false }], { notification_type: 'marketing.news' }, 'sent'],
    ['a group', [{ group: 'marketing', enabled: false }], SALE, OFF],
    ['another group', [{ group: 'marketing', enabled: false }], { notification_type: 'billing' }, 'sent'],
    [
      'a type in a group',
      [
        { group: 'marketing', enabled: false },
        { ...SALE, enabled: true },
      ],
      SALE,
      'sent',
    ],
    ['by this channel', [{ ...SALE, channel: 'email', enabled: false }], { ...SALE, ...byMail }, OFF],
    ['by another channel', [{ ...SALE, channel: 'email', enabled: false }], SALE, 'sent'],
    ['a channel', [{ channel: 'email', enabled: false }], { ...SALE, ...byMail }, OFF],
    ['a channel, not this', [{ channel: 'email', enabled: false }], SALE, 'sent'],
    ['everything', [{ enabled: false }], {}, OFF],
    ['everything but one', [{ enabled: false }, { group: 'billing', enabled: true }], SALE, OFF],
    [
      'the one',
      [{ enabled: false }, { group: 'billing', enabled: true }],
      { notification_type: 'billing' },
      'sent',
    ],
    ['never asked for', [], { notification_type: 'marketing.partners' }, OFF],
    [
      'asked for',
      [{ group: 'marketing', enabled: true }],
      { notification_type: 'marketing.partners' },
      'sent',
    ],
  ]
  for (const [n, [what, rules, message, is]] of rows.entries()) {
    const user = `decided-${n}`
    if (rules.length > 0) t.equal((await decide(user, ...rules)).status, 200)
    t.equal(await outcome(t, { user_id: user, ...message }), is, what)
  }
})

t.test('system cannot be turned off', async (t) => {
  const system = { user_id: 'mandatory', notification_type: 'system.password' }
  for (const [rule, field] of [
    [{ group: 'system', enabled: false }, '/subscriptions/0/enabled'],
    [{ notification_type: 'system.password', channel: 'in_app', enabled: false }, '/subscriptions/0/enabled'],
    [{ group: 'system', enabled: true, frequency: 'daily' }, '/subscriptions/0/frequency'],
  ] as const) {
    const { status, problem } = await decide('mandatory', rule)
    t.same([status, problem.code, problem.errors?.[0]?.field], [400, 'validation_failed', field])
  }
  const group = await service.post('/api/v1/users/mandatory/unsubscribe', { group: 'system' })
  t.same([group.status, group.problem.errors?.[0]?.field], [400, '/group'])
  await decide('mandatory', { enabled: false })
  t.equal(await outcome(t, { user_id: 'mandatory' }), OFF, 'all the rest is off')
  t.equal(await outcome(t, system), 'sent')
})

t.test('users decide for themselves, and change their minds', async (t) => {
  const [ada, namesake] = await Promise.all([
    daemon.client('ada', ['user']),
    daemon.client('ada', ['user'], 'other'),
  ])
  const path = '/api/v1/subscriptions'
  const off = { user_id: 'ada', subscriptions: [{ ...SALE, enabled: false }] }
  t.equal((await ada.put(path, off)).status, 200)
  t.equal(await outcome(t, SALE), OFF)
  const listed = await ada.get(`${path}?user_id=ada`)
  t.match(listed.body, { subscriptions: [{ ...SALE, group: null, channel: null, enabled: false }] })
  t.same((await namesake.get(`${path}?user_id=ada`)).body, { user_id: 'ada', subscriptions: [] })
  for (const [method, query, body] of [
    ['PUT', '', { ...off, user_id: 'bob' }],
    ['GET', '?user_id=bob', undefined],
    ['DELETE', '?user_id=bob', undefined],
  ] as const)
    t.equal((await ada.call(method, `${path}${query}`, body)).problem.code, 'forbidden', `${method} of bob`)
  const back = await ada.call<Static<typeof RemovedAnswer>>('DELETE', `${path}?user_id=ada&group=marketing`)
  t.same(back.body, { user_id: 'ada', removed: 0 }, 'another rule')
  const taken = await ada.call('DELETE', `${path}?user_id=ada&notification_type=marketing.sale`)
  t.same(taken.body, { user_id: 'ada', removed: 1 })
  t.equal(await outcome(t, SALE), 'sent', 'at once')
})

t.test('a decision holds for what was scheduled before', async (t) => {
  const id = await service.accepted({ ...SALE, user_id: 'changing', scheduled_at: inMs(SOON_MS) })
  await decide('changing', { ...SALE, enabled: false })
  t.match(await service.final(id), { status: 'suppressed', reason: 'not_subscribed' })
})

t.test('whoever is on the blocklist is sent nothing', async (t) => {
  const path = '/api/v1/blocklist/blocked'
  t.equal((await service.put(path)).problem.code, 'forbidden', 'only an admin blocks')
  t.equal((await admin.put(path, { reason: 'asked us by telephone' })).status, 200)
  for (const change of [{}, { priority: 'critical' }, { notification_type: 'system' }, mail('blocked')])
    t.equal(await outcome(t, { user_id: 'blocked', ...change }), 'suppressed: blocked')
  const { body } = await service.get<Static<typeof BlocklistAnswer>>('/api/v1/blocklist')
  t.match(body.blocked, [{ user_id: 'blocked', reason: 'asked us by telephone', created_by: 'operator' }])
  const other = await daemon.sender('other')
  t.match((await other.send({ user_id: 'blocked' })).body, { status: 'sent' }, 'that is another tenant')
  t.equal((await admin.call('DELETE', path)).status, 204)
  t.equal(await outcome(t, { user_id: 'blocked' }), 'sent')
  t.same(mailedTo('blocked'), [])
})

t.test('nothing goes to an address that bounced, however it is spelt', async (t) => {
  const path = '/api/v1/suppressions'
  const bounced = { channel: 'email', address: address('bounced') }
  const listed = await service.post(path, { ...bounced, reason: 'bounce', note: '550 5.1.1 user unknown' })
  t.equal(listed.status, 200)
  t.equal(await outcome(t, { user_id: 'u1', ...mail('bounced') }), 'suppressed: address_bounce')
  const upper = { email: `Bounced.${MARK}@EXAMPLE.ORG` }
  t.equal(
    await outcome(t, { user_id: 'u2', channel: 'email', metadata: upper, priority: 'critical' }),
    'suppressed: address_bounce',
  )
  await service.put('/api/v1/recipients/u3', { email: address('bounced') })
  t.equal(await outcome(t, { user_id: 'u3', channel: 'email' }), 'suppressed: address_bounce')
  t.equal(await outcome(t, { user_id: 'u3' }), 'sent', 'by a channel without the address')
  const query = `?channel=email&address=${encodeURIComponent(bounced.address)}`
  const { body } = await service.get<Static<typeof SuppressionsAnswer>>(`${path}${query}`)
  t.match(body.suppressions, [{ ...bounced, reason: 'bounce', note: '550 5.1.1 user unknown' }])
  t.same(mailedTo('bounced'), [])
  t.equal((await service.call('DELETE', `${path}${query}`)).status, 204)
  t.equal(await outcome(t, { user_id: 'u3', channel: 'email' }), 'sent')
  t.same(mailedTo('bounced'), [address('bounced')])
})

t.test('a sender need only know the user', async (t) => {
  const path = '/api/v1/recipients/known'
  const unknown = await service.send({ user_id: 'known', channel: 'email' })
  t.same([unknown.status, unknown.problem.code], [400, 'invalid_address'])
  t.equal(unknown.problem.errors?.[0]?.field, '/metadata/email')
  t.equal((await service.put(path, { email: address('old') })).status, 200)
  t.equal(await outcome(t, { user_id: 'known', channel: 'email' }), 'sent')
  t.equal(await outcome(t, { user_id: 'known', ...mail('given') }), 'sent')
  const scheduled = { user_id: 'known', channel: 'email', scheduled_at: inMs(SOON_MS) }
  const [moved, gone] = await Promise.all([
    service.accepted(scheduled),
    service.accepted({ ...scheduled, user_id: 'gone' }).catch(() => null),
  ])
  t.equal(gone, null, 'nobody has told us about them')
  t.equal((await service.put(path, { email: address('new') })).status, 200)
  t.match(await service.final(moved), { status: 'sent', metadata: { email: address('new') } })
  t.same(mailedTo('old', 'given', 'new').sort(), [address('given'), address('new'), address('old')])
})

t.test('an address that is gone when the time comes', async (t) => {
  await service.put('/api/v1/recipients/leaving', { email: address('leaving') })
  const id = await service.accepted({ user_id: 'leaving', channel: 'email', scheduled_at: inMs(SOON_MS) })
  await service.put('/api/v1/recipients/leaving', { locale: 'en' })
  t.match(await service.final(id), { status: 'failed', reason: 'invalid_address' })
  t.same(mailedTo('leaving'), [])
})

t.test('the answer says what was decided', async (t) => {
  const due = inMs(HOUR_MS)
  t.match((await service.send({ scheduled_at: due })).body, {
    status: 'pending',
    reason: 'scheduled',
    deferred_until: due,
  })
  const now = new Date()
  const time = (minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString().slice(11, 16)
  const end = new Date(Math.floor(now.getTime() / 60_000 + 120) * 60_000).toISOString()
  const changed = await service.put<PreferencesAnswer>('/api/v1/users/asleep/preferences', {
    timezone: 'UTC',
    quiet_hours: [{ start: time(-5), end: end.slice(11, 16) }],
  })
  t.match(changed.body, { effective: { timezone: 'UTC', quiet_hours: [{ start: time(-5) }] } })
  const asleep = await service.send({ user_id: 'asleep', ...mail('asleep') })
  // The night may be followed by a few minutes in which what it has gathered is sent.
  t.match(asleep.body, { status: 'pending', reason: 'quiet_hours' })
  const until = Date.parse(`${asleep.body.deferred_until}`) - Date.parse(end)
  t.ok(until >= 0 && until <= 300_000, `${until} ms after the end of the quiet hours`)
  t.match(await service.detail(asleep.body.id), {
    status: 'pending',
    reason: 'quiet_hours',
    due_at: `${asleep.body.deferred_until}`,
    attempts: [],
  })
  await decide('collecting', { ...SALE, enabled: true, frequency: 'hourly' })
  const before = nextHour()
  const held = await service.send({ user_id: 'collecting', ...SALE })
  t.match(held.body, { status: 'pending', reason: 'digest' })
  t.ok([before, nextHour()].includes(`${held.body.deferred_until}`), `until ${held.body.deferred_until}`)
  const due_at = `${held.body.deferred_until}`
  t.match(await service.detail(held.body.id), { status: 'pending', due_at, digest_id: null })
})

t.test('the log', async (t) => checkLog(t, daemon))
