import t from 'tap'
import { message, onlyFor, serveDirectory, TENANT, wrongFields } from './directory-support.js'

const { client, as, directory, known } = await serveDirectory(t)

const ADA = '/api/v1/recipients/ada'
const PREFERENCES = '/api/v1/users/ada/preferences'
const FULL = {
  email: 'Ada@example.com',
  phone: '+86 138-0013 8000',
  locale: 'zh-cn',
  timezone: 'Asia/Shanghai',
  quiet_hours: [
    { start: '22:30', end: '08:00' },
    { start: '12:00', end: '13:05' },
  ],
  devices: [{ platform: 'fcm', token: 'abc' }],
}

t.test('an entry is written and read', async (t) => {
  const expected = { ...FULL, user_id: 'ada', phone: '+8613800138000', locale: 'zh-CN' }
  t.match(await client.call('PUT', ADA, { body: FULL }), { status: 200, body: expected })
  const { status, body } = await client.call('GET', ADA, { token: await as('ada', 'user') })
  t.equal(status, 200)
  const { created_at, updated_at, ...rest } = Object(body)
  t.strictSame(rest, expected)
  t.match([created_at, updated_at], [/^\d{4}-.*Z$/, /^\d{4}-.*Z$/])
})

t.test('PUT replaces: what is left out is gone', async (t) => {
  await client.call('PUT', ADA, { body: FULL })
  t.match(await client.call('PUT', ADA, { body: { phone: null, quiet_hours: [] } }), {
    status: 200,
    body: {
      email: null,
      phone: null,
      locale: null,
      timezone: null,
      quiet_hours: { length: 0 },
      devices: { length: 0 },
    },
  })
  t.match(await client.call('PUT', ADA, { body: {} }), { status: 200, body: { quiet_hours: null } })
})

t.test('what the API writes is what the stages see at once', async (t) => {
  const find = () => known.find([{ tenantId: TENANT, userId: 'seen', channel: 'email', address: null }])
  t.match(await find(), [{ recipient: { email: null } }])
  await client.call('PUT', '/api/v1/recipients/seen', { body: { email: 'seen@example.com' } })
  t.match(await find(), [{ recipient: { email: 'seen@example.com' } }])
  const night = [{ start: '23:00', end: '06:00' }]
  await client.call('PUT', '/api/v1/users/seen/preferences', { body: { quiet_hours: night } })
  t.match(await find(), [
    { recipient: { email: 'seen@example.com', quietHours: [{ start: 1380, end: 360 }] } },
  ])
})

const window = (start: string, end: string) => ({ start, end })
const WRONG: readonly (readonly [object, string, RegExp])[] = [
  [{ email: 'nobody' }, '/email', /address such as/],
  [{ email: 'a@example.com\r\nBcc: b@example.com' }, '/email', /./],
  [{ email: '' }, '/email', /empty/],
  [{ email: 5 }, '/email', /string/],
  [{ email: `${'a'.repeat(250)}@example.com` }, '/email', /254/],
  [{ phone: '13800138000' }, '/phone', /E\.164.*\+8613800138000/],
  [{ phone: 'call +8613800138000' }, '/phone', /E\.164/],
  [{ phone: '+86138' }, '/phone', /E\.164/],
  [{ phone: '+8613800138000 ext 5' }, '/phone', /E\.164/],
  [{ phone: '+999 1234567' }, '/phone', /E\.164/],
  [{ locale: 'Chinese language' }, '/locale', /BCP 47/],
  [{ locale: 'zh_CN' }, '/locale', /BCP 47/],
  [{ timezone: 'Asia/Shangai' }, '/timezone', /IANA/],
  [{ timezone: '+08:00' }, '/timezone', /IANA/],
  [{ quiet_hours: 'night' }, '/quiet_hours', /array or null/],
  [{ quiet_hours: [window('25:00', '08:00')] }, '/quiet_hours/0/start', /time of day/],
  [{ quiet_hours: [window('22:00', '24:00')] }, '/quiet_hours/0/end', /time of day/],
  [{ quiet_hours: [window('9:00', '10:00')] }, '/quiet_hours/0/start', /time of day/],
  [{ quiet_hours: [{ start: '22:00' }] }, '/quiet_hours/0/end', /required/],
  [
    { quiet_hours: [window('22:00', '08:00'), window('12:00', '12:00')] },
    '/quiet_hours/1',
    /end when it starts/,
  ],
  [
    { quiet_hours: [window('22:00', '08:00'), window('07:59', '09:00')] },
    '/quiet_hours/1',
    /overlap.*\/quiet_hours\/0/,
  ],
  [{ quiet_hours: [window('00:00', '12:00'), window('12:00', '00:00')] }, '/quiet_hours', /leave some time/],
  [
    { quiet_hours: Array.from({ length: 8 }, (_, n) => window(`0${n}:00`, `0${n}:30`)) },
    '/quiet_hours',
    /7 items/,
  ],
  [{ devices: [{ platform: 'wns', token: 'x' }] }, '/devices/0/platform', /fcm, apns/],
  [{ devices: [{ platform: 'fcm', token: '' }] }, '/devices/0/token', /empty/],
  [{ devices: [{ platform: 'fcm', token: 'x'.repeat(4_097) }] }, '/devices/0/token', /4096/],
  [{ devices: [{ platform: 'fcm', token: 'a b' }] }, '/devices/0/token', /./],
  [{ devices: [{ platform: 'apns', token: 'x'.repeat(64) }] }, '/devices/0/token', /hexadecimal/],
  [
    {
      devices: [
        { platform: 'apns', token: 'ab'.repeat(32) },
        { platform: 'apns', token: 'AB'.repeat(32) },
      ],
    },
    '/devices/1/token',
    /twice/,
  ],
  [
    { devices: Array.from({ length: 101 }, (_, n) => ({ platform: 'fcm', token: `t${n}` })) },
    '/devices',
    /100 items/,
  ],
  [{ fax: '1' }, '/fax', /not a known field/],
]

t.test('each wrong field is named, without what it holds, and nothing is written', async (t) => {
  await client.call('PUT', ADA, { body: FULL })
  for (const [body, field, expected] of WRONG) {
    const answer = await client.call('PUT', ADA, { body: { ...FULL, ...body } })
    const name = JSON.stringify(body).slice(0, 80)
    t.ok(wrongFields(answer).includes(field), `${name}: ${wrongFields(answer)}`)
    t.match(message(answer), expected, name)
    t.notMatch(JSON.stringify(answer.body), /nobody|138000 ext|Bcc|Shangai/, name)
  }
  t.match(await directory.find({ tenantId: TENANT, userId: 'ada' }), { email: 'Ada@example.com' })
})

t.test('all wrong fields are named at once', async (t) => {
  const body = {
    email: 'x',
    phone: '1',
    locale: '?!',
    timezone: 'X/Y',
    quiet_hours: [window('01:00', '01:00')],
  }
  const answer = await client.call('PUT', ADA, { body })
  t.same(wrongFields(answer), ['/email', '/locale', '/timezone', '/quiet_hours/0', '/phone'])
})

t.test('a thousand are written at once, or none', async (t) => {
  const BATCH = '/api/v1/recipients'
  const recipients = Array.from({ length: 1_000 }, (_, n) => ({
    ...FULL,
    user_id: `b${n}`,
    email: `b${n}@example.com`,
  }))
  t.match(await client.call('POST', BATCH, { body: { recipients } }), {
    status: 200,
    body: { written: 1_000 },
  })
  t.match(await directory.find({ tenantId: TENANT, userId: 'b999' }), {
    email: 'b999@example.com',
    locale: 'zh-CN',
  })
  const wrong = recipients
    .slice(0, 9)
    .map((entry, n) => (n === 7 ? { ...entry, email: 'x' } : { user_id: `new${n}` }))
  const answer = await client.call('POST', BATCH, { body: { recipients: wrong } })
  t.same(wrongFields(answer), ['/recipients/7/email'])
  t.equal(await directory.find({ tenantId: TENANT, userId: 'new0' }), null)
  for (const [bad, fields] of [
    [[{ user_id: 'x' }, { user_id: 'x' }], ['/recipients/1/user_id']],
    [
      [{ user_id: 'x', timezone: 'X/Y', quiet_hours: [window('01:00', '01:00')] }],
      ['/recipients/0/timezone', '/recipients/0/quiet_hours/0'],
    ],
    [[{ email: 'a@example.com' }], ['/recipients/0/user_id']],
    [[], ['/recipients']],
    [Array.from({ length: 1_001 }, (_, n) => ({ user_id: `${n}` })), ['/recipients']],
  ] as const) {
    t.same(wrongFields(await client.call('POST', BATCH, { body: { recipients: bad } })), fields)
  }
})

t.test('a user changes some of it, and sees what counts', async (t) => {
  const token = await as('ada', 'user')
  await client.call('PUT', ADA, { body: FULL })
  t.match(await client.call('PUT', PREFERENCES, { token, body: { timezone: 'Europe/Berlin' } }), {
    status: 200,
    body: {
      user_id: 'ada',
      locale: 'zh-CN',
      timezone: 'Europe/Berlin',
      quiet_hours: FULL.quiet_hours,
      effective: { timezone: 'Europe/Berlin', quiet_hours: FULL.quiet_hours },
    },
  })
  t.match(await directory.find({ tenantId: TENANT, userId: 'ada' }), { email: 'Ada@example.com' })
  const back = { timezone: null, quiet_hours: null }
  const configured = { timezone: 'Asia/Shanghai', quiet_hours: [{ start: '22:00', end: '08:00' }] }
  const defaults = { status: 200, body: { ...back, effective: configured } }
  t.match(await client.call('PUT', PREFERENCES, { token, body: back }), defaults)
  t.match(await client.call('GET', PREFERENCES, { token }), defaults)
  t.match(await client.call('PUT', PREFERENCES, { token, body: { quiet_hours: [] } }), {
    body: { quiet_hours: { length: 0 }, effective: { quiet_hours: { length: 0 } } },
  })
  const stranger = await as('stranger', 'user')
  t.match(await client.call('GET', '/api/v1/users/stranger/preferences', { token: stranger }), {
    status: 200,
    body: { locale: null, effective: configured },
  })
  for (const [body, field] of [
    [{}, ''],
    [{ email: 'a@example.com' }, '/email'],
    [{ timezone: 'X/Y' }, '/timezone'],
    [{ quiet_hours: [window('22:00', '08:00'), window('23:00', '01:00')] }, '/quiet_hours/1'],
  ] as const) {
    t.same(wrongFields(await client.call('PUT', PREFERENCES, { token, body })), [field])
  }
})

t.test('each role has its place, and other tenants have none', async (t) => {
  const own = { 'user ada': true, 'user bob': false, 'sender ada': true, 'admin boss': true }
  const write = { ...own, 'user ada': false }
  await onlyFor(t, client, { method: 'PUT', path: ADA, body: FULL }, write)
  const batch = { method: 'POST', path: '/api/v1/recipients', body: { recipients: [{ user_id: 'x' }] } }
  await onlyFor(t, client, batch, write)
  await onlyFor(t, client, { method: 'GET', path: ADA }, own)
  await onlyFor(t, client, { method: 'GET', path: PREFERENCES }, own)
  await onlyFor(t, client, { method: 'PUT', path: PREFERENCES, body: { locale: 'en' } }, own)
  const theirs = await as('svc', 'admin', 't2')
  t.match(await client.call('GET', ADA, { token: theirs }), { status: 404, body: { code: 'not_found' } })
  await client.call('PUT', ADA, { token: theirs, body: { email: 'theirs@example.com' } })
  t.match(await client.call('GET', ADA), { body: { email: 'Ada@example.com' } })
  t.equal((await client.call('GET', '/api/v1/recipients/nobody')).status, 404)
})
