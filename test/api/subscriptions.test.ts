import t from 'tap'
import { message, onlyFor, serveDirectory, TENANT, wrongFields } from './directory-support.js'

const { client, as, preferences, known } = await serveDirectory(t)

const PATH = '/api/v1/subscriptions'
const put = (subscriptions: readonly object[], user_id = 'ada') =>
  client.call('PUT', PATH, { body: { user_id, subscriptions } })

t.test('rules are written, listed and taken back', async (t) => {
  const written = await put([
    { notification_type: 'billing.invoice', channel: 'email', enabled: true, frequency: 'daily' },
    { group: 'marketing', enabled: false },
    { enabled: true, frequency: 'weekly', channel: 'webhook' },
  ])
  const everything = {
    notification_type: null,
    group: null,
    channel: 'webhook',
    enabled: true,
    frequency: 'weekly',
  }
  const marketing = {
    notification_type: null,
    group: 'marketing',
    channel: null,
    enabled: false,
    frequency: 'immediate',
  }
  const invoice = {
    notification_type: 'billing.invoice',
    group: null,
    channel: 'email',
    enabled: true,
    frequency: 'daily',
  }
  const all = { status: 200, body: { user_id: 'ada', subscriptions: [everything, marketing, invoice] } }
  t.match(written, all)
  t.match(await client.call('GET', `${PATH}?user_id=ada`), all)
  t.match(await known.find([{ tenantId: TENANT, userId: 'ada', channel: 'email', address: null }]), [
    { recipient: { subscriptions: { length: 3 } } },
  ])
  t.match(await put([{ group: 'marketing', enabled: true }]), {
    body: { subscriptions: [everything, { ...marketing, enabled: true }, invoice] },
  })
  const remove = (query: string) => client.call('DELETE', `${PATH}?user_id=ada${query}`)
  t.match(await remove('&notification_type=billing.invoice&channel=webhook'), {
    status: 200,
    body: { removed: 0 },
  })
  t.match(await remove('&notification_type=billing.invoice'), {
    status: 200,
    body: { user_id: 'ada', removed: 1 },
  })
  t.match(await remove(''), { body: { removed: 2 } })
  t.match(await remove(''), { body: { removed: 0 } })
})

t.test('each wrong field is named', async (t) => {
  const good = { group: 'billing', enabled: true }
  for (const [rule, field, expected] of [
    [{ group: 'spam', enabled: true }, '/group', /one of system, activity/],
    [{ notification_type: 'Not A Type', enabled: true }, '/notification_type', /a-z/],
    [{ notification_type: 'a', group: 'billing', enabled: true }, '/group', /beside notification_type/],
    [{ notification_type: 'a', channel: 'fax', enabled: true }, '/channel', /one of email/],
    [{ notification_type: 'a' }, '/enabled', /required/],
    [{ notification_type: 'a', enabled: 'yes' }, '/enabled', /boolean/],
    [{ notification_type: 'a', enabled: true, frequency: 'monthly' }, '/frequency', /one of immediate/],
    [{ ...good, enabled: false }, '', /earlier/],
    [{ notification_type: 'a', enabled: true, colour: 'red' }, '/colour', /known/],
  ] as const) {
    const answer = await put([good, rule])
    t.same(wrongFields(answer), [`/subscriptions/1${field}`])
    t.match(message(answer), expected)
  }
  t.same(wrongFields(await put([])), ['/subscriptions'])
  const many = Array.from({ length: 201 }, (_, n) => ({ notification_type: `t${n}`, enabled: true }))
  t.same(wrongFields(await put(many)), ['/subscriptions'])
  t.same(wrongFields(await client.call('GET', PATH)), ['/user_id'])
  t.same(wrongFields(await client.call('DELETE', `${PATH}?user_id=a&group=billing&notification_type=x`)), [
    '/group',
  ])
  t.same(wrongFields(await client.call('GET', `${PATH}?user_id=a%00`)), ['/user_id'])
})

t.test('nobody can turn off or put off what concerns the account', async (t) => {
  for (const rule of [
    { group: 'system' },
    { notification_type: 'system.password' },
    { notification_type: 'security' },
  ]) {
    t.same(wrongFields(await put([{ ...rule, enabled: false }])), ['/subscriptions/0/enabled'])
    t.same(wrongFields(await put([{ ...rule, channel: 'email', enabled: true, frequency: 'daily' }])), [
      '/subscriptions/0/frequency',
    ])
    t.equal((await put([{ ...rule, enabled: true }], 'willing')).status, 200)
  }
  const answer = await client.call('POST', '/api/v1/users/ada/unsubscribe', { body: { group: 'system' } })
  t.same(wrongFields(answer), ['/group'])
  t.same(await preferences.list({ tenantId: TENANT, userId: 'ada' }), [])
})

t.test('a user of 500 rules is told that it is enough', async (t) => {
  for (const from of [0, 200, 400]) {
    const rules = Array.from({ length: 200 }, (_, n) => ({
      notification_type: `t${from + n}`,
      enabled: true,
    }))
    const answer = await put(rules, 'busy')
    if (from < 400) t.equal(answer.status, 200)
    else t.same(wrongFields(answer), ['/subscriptions'])
  }
})

t.test('one call turns off all marketing', async (t) => {
  await put(
    [
      { notification_type: 'marketing.sale', channel: 'email', enabled: true },
      { notification_type: 'weekly_offer', enabled: true },
      { notification_type: 'billing.x', enabled: true },
    ],
    'tired',
  )
  const token = await as('tired', 'user')
  const answer = await client.call('POST', '/api/v1/users/tired/unsubscribe', {
    token,
    body: { group: 'marketing' },
  })
  t.match(answer, { status: 200, body: { user_id: 'tired', group: 'marketing' } })
  const rules = Object(await client.call('GET', `${PATH}?user_id=tired`, { token })).body.subscriptions
  const on = rules.filter(({ enabled }: { enabled: boolean }) => enabled)
  t.match(on, [{ notification_type: 'billing.x' }])
  t.equal(on.length, 1)
  const unsubscribe = (body: unknown) =>
    client.call('POST', '/api/v1/users/tired/unsubscribe', { token, body })
  t.same(wrongFields(await unsubscribe({})), ['/group'])
  t.same(wrongFields(await unsubscribe({ group: 'spam' })), ['/group'])
})

t.test('users decide for themselves, in their tenant', async (t) => {
  const own = { 'user own': true, 'user bob': false, 'sender svc': true, 'admin boss': true }
  const body = { user_id: 'own', subscriptions: [{ group: 'billing', enabled: false }] }
  await onlyFor(t, client, { method: 'PUT', path: PATH, body }, own)
  await onlyFor(t, client, { method: 'GET', path: `${PATH}?user_id=own` }, own)
  const theirs = await as('own', 'user', 't2')
  t.match(await client.call('GET', `${PATH}?user_id=own`, { token: theirs }), {
    body: { subscriptions: { length: 0 } },
  })
  t.match(await client.call('DELETE', `${PATH}?user_id=own`, { token: theirs }), { body: { removed: 0 } })
  await onlyFor(t, client, { method: 'DELETE', path: `${PATH}?user_id=own&channel=email` }, own)
  const group = { group: 'activity' }
  await onlyFor(t, client, { method: 'POST', path: '/api/v1/users/own/unsubscribe', body: group }, own)
  t.equal((await preferences.list({ tenantId: TENANT, userId: 'own' })).length, 2)
})
