import t from 'tap'
import type { Problem } from '../../src/api/http/problem.js'
import { FAILURES, type FailureCode } from '../../src/model/failure.js'
import type { Json, JsonObject } from '../../src/model/json.js'
import { startDaemon, TENANT } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { readMail } from '../support/mime.js'
import { startSmtp } from '../support/smtp.js'

const smtp = await startSmtp(t)
const daemon = await startDaemon(t, {
  config: { quiet_hours: { enabled: false } },
  env: { LOG_LEVEL: 'debug', SMTP_HOST: '127.0.0.1', SMTP_PORT: `${smtp.port}` },
})
const [service, admin, user, stranger] = await Promise.all([
  daemon.sender(),
  daemon.client('operator', ['admin']),
  daemon.client('ada', ['user']),
  daemon.client('service', ['sender', 'admin'], 'other'),
])

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
/** What is asked for, what must be said to it, the field that must be named, and what must be said about it. */
type Row = readonly [what: string, body: Json, code: FailureCode, field: string, message?: RegExp | string]

const TEMPLATES = '/api/v1/templates'
const SEND = '/api/v1/notifications/send'
const PREFERENCES = '/api/v1/users/ada/preferences'
const in1h = new Date(Date.now() + 3_600_000).toISOString()

function refusal({ code, status, errors = [] }: Problem) {
  return { code, status, fields: errors.map(({ field }) => field), errors }
}

/** Every row is refused with its code and field. */
function refusals(what: string, method: Method, path: string, rows: readonly Row[]): void {
  t.test(what, async (t) => {
    for (const [what, body, code, field, message] of rows) {
      const { problem } = await service.call(method, path, body)
      const refused = refusal(problem)
      t.same([refused.code, refused.status], [code, FAILURES[code].status], what)
      const named = refused.errors.find((error) => error.field === field)
      t.ok(named, `${what}: ${field} among ${refused.fields.join()}`)
      if (message !== undefined) t.match(named?.message, message, what)
    }
  })
}

const template = (change: JsonObject): JsonObject => ({
  tenant_id: TENANT,
  name: 'A template',
  channel: 'in_app',
  title: 'A title',
  content: 'A content',
  ...change,
})
const { title: _, content: __, ...textless } = template({})
const variant = (name: string, content = 'x'): JsonObject => ({ name, weight: 1, title: 'x', content })
const content = (text: string, change: JsonObject = {}): JsonObject => template({ content: text, ...change })

refusals('texts that cannot be saved', 'POST', TEMPLATES, [
  [
    'a tag that is not closed',
    content('fine\n  {% if a %}x'),
    'template_invalid',
    '/content',
    /line 2, column 3: /,
  ],
  [
    'a tag that is not there',
    content('\n\n{% endfr %}'),
    'template_invalid',
    '/content',
    /line 3, column 1: .*endfr/,
  ],
  ['half an output', content('abc {{ a'), 'template_invalid', '/content', /line 1, column 5: /],
  ['an unknown filter', content('{{ a | shout }}'), 'template_invalid', '/content', /line 1, .*shout/],
  ['a file', content("{% include '/etc/passwd' %}"), 'template_invalid', '/content', /include/],
  ['in the title', template({ title: '{% if %}' }), 'template_invalid', '/title', /line 1, column 6: /],
  [
    'in a translation',
    template({ translations: { en: { title: 'x', content: '{{ a' } } }),
    'template_invalid',
    '/translations/en/content',
  ],
  [
    'in a variant',
    { ...textless, variants: [variant('a'), variant('b', '{{ a')] },
    'template_invalid',
    '/variants/1/content',
  ],
  [
    'not declared',
    content('{{ user_name }} {{ city }}', { variables: ['user_name'] }),
    'validation_failed',
    '/content',
    /"city"/,
  ],
  ['not used', content('{{ a }}', { variables: ['a', 'b'] }), 'validation_failed', '/variables/1', /"b"/],
  [
    'declared twice',
    content('{{ a }}', { variables: ['a', 'a'] }),
    'validation_failed',
    '/variables/1',
    /"a"/,
  ],
  [
    'there anyway',
    content('{{ recipient.locale }}', { variables: ['recipient'] }),
    'validation_failed',
    '/variables/0',
  ],
  ['no text', { ...textless, title: 'x' }, 'validation_failed', '/content'],
  ['both forms', template({ variants: [variant('a')] }), 'validation_failed', '/title'],
  [
    'variants of one name',
    { ...textless, variants: [variant('a'), variant('a')] },
    'validation_failed',
    '/variants/1/name',
  ],
  [
    'no weight',
    { ...textless, variants: [{ ...variant('a'), weight: 0 }] },
    'validation_failed',
    '/variants/0/weight',
  ],
  ['no language', template({ locale: 'chinese!' }), 'validation_failed', '/locale'],
  [
    'a translation into no language',
    template({ translations: { 'e n': { title: 'x', content: 'x' } } }),
    'validation_failed',
    '/translations/e n',
  ],
  ['no channel', template({ channel: 'pigeon' }), 'validation_failed', '/channel'],
  ['an id that is a path', template({ id: 'a/b' }), 'validation_failed', '/id'],
  ['an id that is taken by a path', template({ id: 'preview' }), 'validation_failed', '/id'],
  ['a title of two lines', template({ title: 'a\r\nb' }), 'validation_failed', '/title'],
  ['content of 200 000', content('x'.repeat(200_000)), 'validation_failed', '/content'],
  ['an unknown field', template({ subject: 'x' }), 'validation_failed', '/subject'],
  ['another tenant', template({ tenant_id: 'other' }), 'forbidden', '/tenant_id'],
])

t.test('templates that cannot be sent so', async (t) => {
  const saved = async (id: string, text: JsonObject): Promise<void> => {
    const { status } = await service.post(TEMPLATES, template({ id, ...text }))
    if (status !== 201) throw new Error(`${id} was refused with ${status}`)
  }
  await saved('named', { content: '{{ user.name }} {{ city }}' })
  await saved('long', { content: '{% for n in (1..1000) %}{{ text }}{% endfor %}' })
  await saved('titled', { title: '{{ text }}' })
  await saved('doubling', {
    content: '{% assign s = text %}{% for n in (1..40) %}{% assign s = s | append: s %}{% endfor %}{{ s }}',
  })
  await saved('constructor', { content: '{{ text.constructor }}' })
  await saved('prototype', { content: '{{ user.__proto__.constructor.name }}' })
  await saved('money', { content: "{{ text | currency: 'XYZW' }}" })
  const kilobyte = { text: 'x'.repeat(1_000) }
  const rows: readonly (readonly [id: string, change: JsonObject, code: FailureCode, field: string])[] = [
    ['none', {}, 'template_not_found', '/template_id'],
    ['named', {}, 'variable_missing', '/variables/user'],
    ['named', { variables: { user: {}, city: 'x' } }, 'variable_missing', '/variables/user/name'],
    ['named', { variables: { user: { name: 'x' } } }, 'variable_missing', '/variables/city'],
    ['named', { variables: 'x' }, 'validation_failed', '/variables'],
    ['named', { locale: 'chinese!' }, 'validation_failed', '/locale'],
    ['named', { channel: 'websocket' }, 'template_not_found', '/template_id'],
    ['long', { variables: kilobyte }, 'validation_failed', '/content'],
    ['titled', { variables: kilobyte }, 'validation_failed', '/title'],
    ['doubling', { variables: kilobyte }, 'template_invalid', '/content'],
    ['constructor', { variables: kilobyte }, 'variable_missing', '/variables/text/constructor'],
    ['prototype', { variables: { user: {} } }, 'variable_missing', '/variables/user/__proto__'],
    ['money', { variables: kilobyte }, 'template_invalid', '/content'],
  ]
  for (const [id, change, code, field] of rows) {
    const body = { tenant_id: TENANT, user_id: 'ada', channel: 'in_app', template_id: id, ...change }
    const { fields, ...refused } = refusal((await service.post(SEND, body)).problem)
    t.match({ ...refused, fields }, { code, status: FAILURES[code].status }, `${id} ${field}`)
    t.ok(fields.includes(field), `${id}: ${field} among ${fields.join()}`)
    if (code === 'template_not_found' || field === '/channel' || field === '/locale') continue
    if (change.variables === 'x') continue
    const preview = await service.post(`${TEMPLATES}/${id}/preview`, { variables: change.variables ?? {} })
    t.same(refusal(preview.problem).fields, fields, `${id}: a preview says the same`)
  }
  t.equal((await service.all('ada', 'in_app')).length, 0, 'nothing was kept')
})

t.test('values cannot become headers', async (t) => {
  const body = template({ id: 'mailed', channel: 'email', title: 'Hello {{ name }}', content: '{{ name }}' })
  t.equal((await service.post(TEMPLATES, body)).status, 201)
  const name = `${MARK}\r\nBcc: eve@example.org\r\n\r\nEvil`
  const id = await service.accepted({
    channel: 'email',
    metadata: { email: `${MARK}@example.org` },
    template_id: 'mailed',
    variables: { name },
  })
  t.match(await service.final(id), { status: 'sent' })
  t.same(smtp.mails[0]?.to, [`${MARK}@example.org`])
  const mail = readMail(smtp.mails[0]?.raw ?? '')
  t.equal(mail.header('bcc'), undefined)
  t.match(mail.header('subject'), /^Hello .*Bcc: eve@example\.org/)
})

const night = (...windows: [string, string][]): JsonObject => ({
  quiet_hours: windows.map(([start, end]) => ({ start, end })),
})
const LOCAL: readonly Row[] = [
  ['no such zone', { timezone: 'Mars/Base' }, 'validation_failed', '/timezone', /IANA/],
  ['an offset', { timezone: '+08:00' }, 'validation_failed', '/timezone'],
  ['no zone', { timezone: '' }, 'validation_failed', '/timezone'],
  ['a number', { timezone: 8 }, 'validation_failed', '/timezone'],
  ['no language', { locale: 'chinese!' }, 'validation_failed', '/locale'],
  ['25:00', night(['25:00', '08:00']), 'validation_failed', '/quiet_hours/0/start', /time of day/],
  ['24:00', night(['22:00', '24:00']), 'validation_failed', '/quiet_hours/0/end'],
  ['12:60', night(['12:60', '13:00']), 'validation_failed', '/quiet_hours/0/start'],
  ['one digit', night(['9:00', '10:00']), 'validation_failed', '/quiet_hours/0/start'],
  ['am', night(['10am', '11am']), 'validation_failed', '/quiet_hours/0/start'],
  ['no end', { quiet_hours: [{ start: '22:00' }] }, 'validation_failed', '/quiet_hours/0/end'],
  ['no time', night(['22:00', '22:00']), 'validation_failed', '/quiet_hours/0'],
  ['overlapping', night(['12:00', '14:00'], ['13:59', '15:00']), 'validation_failed', '/quiet_hours/1'],
  ['over midnight', night(['00:30', '01:00'], ['22:00', '08:00']), 'validation_failed', '/quiet_hours/1'],
  ['all day', night(['08:00', '20:00'], ['20:00', '08:00']), 'validation_failed', '/quiet_hours'],
  ['too many', night(...Array(8).fill(['01:00', '02:00'])), 'validation_failed', '/quiet_hours'],
  ['no list', { quiet_hours: '22:00-08:00' }, 'validation_failed', '/quiet_hours'],
  ['an unknown field', { time_zone: 'UTC' }, 'validation_failed', '/time_zone'],
]
refusals('preferences', 'PUT', PREFERENCES, LOCAL)
refusals('the directory', 'PUT', '/api/v1/recipients/ada', [
  ...LOCAL,
  ['no address', { email: MARK }, 'validation_failed', '/email'],
  [
    'an address of two lines',
    { email: `${MARK}@example.org\r\nBcc: x@example.org` },
    'validation_failed',
    '/email',
  ],
  ['two addresses', { email: `a@example.org, ${MARK}@example.org` }, 'validation_failed', '/email'],
  ['a local number', { phone: '030 123456' }, 'validation_failed', '/phone', /E\.164/],
  ['a number that is too long', { phone: '+86138001380001380013800' }, 'validation_failed', '/phone'],
  [
    'no such platform',
    { devices: [{ platform: 'pager', token: 'x' }] },
    'validation_failed',
    '/devices/0/platform',
  ],
  [
    'a device twice',
    { devices: Array(2).fill({ platform: 'fcm', token: 'x' }) },
    'validation_failed',
    '/devices/1/token',
  ],
])

const recipients = (...entries: JsonObject[]): JsonObject => ({ recipients: entries })
refusals('the directory, many at once', 'POST', '/api/v1/recipients', [
  ['nobody', recipients(), 'validation_failed', '/recipients'],
  ['no user', recipients({ email: `${MARK}@example.org` }), 'validation_failed', '/recipients/0/user_id'],
  ['one twice', recipients({ user_id: 'a' }, { user_id: 'a' }), 'validation_failed', '/recipients/1/user_id'],
  [
    'one of them wrong',
    recipients({ user_id: 'a' }, { user_id: 'b', timezone: 'Mars/Base' }),
    'validation_failed',
    '/recipients/1/timezone',
  ],
])

const rules = (...subscriptions: JsonObject[]): JsonObject => ({ user_id: 'ada', subscriptions })
refusals('subscriptions', 'PUT', '/api/v1/subscriptions', [
  ['none', rules(), 'validation_failed', '/subscriptions'],
  ['no decision', rules({ group: 'billing' }), 'validation_failed', '/subscriptions/0/enabled'],
  ['no such group', rules({ group: 'fun', enabled: true }), 'validation_failed', '/subscriptions/0/group'],
  [
    'no such channel',
    rules({ channel: 'fax', enabled: true }),
    'validation_failed',
    '/subscriptions/0/channel',
  ],
  [
    'no such frequency',
    rules({ enabled: true, frequency: 'yearly' }),
    'validation_failed',
    '/subscriptions/0/frequency',
  ],
  [
    'a type of another form',
    rules({ notification_type: 'A B', enabled: true }),
    'validation_failed',
    '/subscriptions/0/notification_type',
  ],
  [
    'a type and a group',
    rules({ group: 'billing', notification_type: 'billing.x', enabled: true }),
    'validation_failed',
    '/subscriptions/0/group',
  ],
  ['one twice', rules({ enabled: true }, { enabled: false }), 'validation_failed', '/subscriptions/1'],
])

const bounce = (address: string, change: JsonObject = {}): JsonObject => ({
  channel: 'email',
  address,
  reason: 'bounce',
  ...change,
})
refusals('suppressions', 'POST', '/api/v1/suppressions', [
  ['no address', bounce(MARK), 'validation_failed', '/address'],
  ['a channel without addresses', bounce('ada', { channel: 'in_app' }), 'validation_failed', '/channel'],
  ['no such reason', bounce(`${MARK}@example.org`, { reason: 'mood' }), 'validation_failed', '/reason'],
])

const daily = (change: JsonObject, message: JsonObject = {}): JsonObject => ({
  tenant_id: TENANT,
  name: 'Daily',
  message: { user_id: 'ada', channel: 'in_app', title: `${MARK} title`, content: 'x', ...message },
  ...change,
})
const AT_NINE = { cron: '0 9 * * *' }
refusals('schedules', 'POST', '/api/v1/schedules', [
  ['minute 61', daily({ cron: '61 9 * * *' }), 'validation_failed', '/cron'],
  ['hour 24', daily({ cron: '0 24 * * *' }), 'validation_failed', '/cron'],
  ['four fields', daily({ cron: '0 9 * *' }), 'validation_failed', '/cron', /five fields/],
  ['seconds', daily({ cron: '0 0 9 * * *' }), 'validation_failed', '/cron', /five fields/],
  ['words', daily({ cron: 'every day at nine o clock' }), 'validation_failed', '/cron'],
  ['a name', daily({ cron: '@daily' }), 'validation_failed', '/cron'],
  ['30 February', daily({ cron: '0 9 30 2 *' }), 'validation_failed', '/cron', /never comes/],
  ['an empty range', daily({ cron: '0 9 * * 5-1' }), 'validation_failed', '/cron'],
  ['neither', daily({}), 'validation_failed', '/cron'],
  ['both', daily({ ...AT_NINE, every: '1d' }), 'validation_failed', '/cron'],
  ['seconds between', daily({ every: '30s' }), 'validation_failed', '/every'],
  ['nothing between', daily({ every: '0m' }), 'validation_failed', '/every'],
  ['two years between', daily({ every: '800d' }), 'validation_failed', '/every'],
  ['no such zone', daily({ ...AT_NINE, timezone: 'Mars/Base' }), 'validation_failed', '/timezone'],
  [
    'no such day',
    daily({ ...AT_NINE, starts_at: '2027-02-30T00:00:00Z' }),
    'validation_failed',
    '/starts_at',
  ],
  ['over', daily({ ...AT_NINE, ends_at: '2020-01-01T00:00:00Z' }), 'validation_failed', '/ends_at'],
  [
    'over before it begins',
    daily({ every: '1h', starts_at: in1h, ends_at: in1h }),
    'validation_failed',
    '/ends_at',
  ],
  ['no such policy', daily({ ...AT_NINE, missed: 'panic' }), 'validation_failed', '/missed'],
  ['for nobody', daily(AT_NINE, { user_ids: ['bob'] }), 'validation_failed', '/message/user_id'],
  ['no channel', daily(AT_NINE, { channel: 'fax' }), 'validation_failed', '/message/channel'],
  [
    'no address',
    daily(AT_NINE, { channel: 'email', metadata: { email: MARK } }),
    'invalid_address',
    '/message/metadata/email',
  ],
  ['another tenant', { ...daily(AT_NINE), tenant_id: 'other' }, 'forbidden', '/tenant_id'],
])

t.test('who may not, and what is not theirs', async (t) => {
  const schedule = await service.post<{ id: string }>('/api/v1/schedules', daily(AT_NINE))
  t.equal(schedule.status, 200)
  t.equal((await service.post(TEMPLATES, content('x', { id: 'ours' }))).status, 201)
  const ours = `/api/v1/schedules/${schedule.body.id}`
  const version = `${TEMPLATES}/ours/versions/1`
  const rows: readonly (readonly [
    who: typeof service,
    method: Method,
    path: string,
    body: Json | undefined,
    code: FailureCode,
  ])[] = [
    [user, 'POST', TEMPLATES, content('x'), 'forbidden'],
    [user, 'GET', TEMPLATES, undefined, 'forbidden'],
    [user, 'POST', `${TEMPLATES}/preview`, { channel: 'in_app', title: 'x', content: 'x' }, 'forbidden'],
    [user, 'POST', '/api/v1/schedules', daily(AT_NINE), 'forbidden'],
    [user, 'PUT', '/api/v1/recipients/ada', {}, 'forbidden'],
    [user, 'PUT', '/api/v1/users/bob/preferences', { locale: 'en' }, 'forbidden'],
    [user, 'POST', '/api/v1/users/bob/unsubscribe', { group: 'marketing' }, 'forbidden'],
    [user, 'POST', '/api/v1/suppressions', bounce(`${MARK}@example.org`), 'forbidden'],
    [user, 'GET', '/api/v1/blocklist', undefined, 'forbidden'],
    [service, 'PUT', '/api/v1/blocklist/ada', {}, 'forbidden'],
    [service, 'DELETE', `${TEMPLATES}/ours`, undefined, 'forbidden'],
    [service, 'POST', `${version}/activate`, undefined, 'forbidden'],
    [admin, 'POST', `${version}/approve`, undefined, 'conflict'],
    [admin, 'POST', `${TEMPLATES}/ours/versions/2/approve`, undefined, 'not_found'],
    [admin, 'POST', `${TEMPLATES}/ours/versions/x/approve`, undefined, 'validation_failed'],
    [admin, 'DELETE', '/api/v1/blocklist/ada', undefined, 'not_found'],
    [service, 'GET', '/api/v1/schedules/none', undefined, 'not_found'],
    [service, 'GET', '/api/v1/recipients/none', undefined, 'not_found'],
    ...(['GET', 'DELETE'] as const).flatMap((method) =>
      [ours, `${TEMPLATES}/ours`].map((path) => [stranger, method, path, undefined, 'not_found'] as const),
    ),
    [stranger, 'POST', `${ours}/run_now`, undefined, 'not_found'],
    [stranger, 'POST', `${version}/activate`, undefined, 'not_found'],
  ]
  for (const [who, method, path, body, code] of rows) {
    const { status, problem } = await who.call(method, path, body)
    const what = `${who.caller.subject} of ${who.caller.tenantId}: ${method} ${path}`
    t.same([problem.code, status], [code, FAILURES[code].status], what)
  }
  for (const path of [TEMPLATES, '/api/v1/schedules', '/api/v1/blocklist', '/api/v1/recipients/ada'])
    t.equal((await fetch(`${daemon.url}${path}`)).status, 401, `nobody: ${path}`)
})

t.test('it still answers, and has kept nothing of this', async (t) => {
  t.same((await service.get('/health')).body, { status: 'ok' })
  t.match((await service.send({})).body, { status: 'sent' })
  const { body } = await service.get(PREFERENCES)
  t.match(body, { locale: null, timezone: null, quiet_hours: null })
  t.same((await service.get('/api/v1/subscriptions?user_id=ada')).body, { user_id: 'ada', subscriptions: [] })
  t.same((await service.get('/api/v1/suppressions')).body, { suppressions: [], next_cursor: null })
  t.match((await service.get('/api/v1/schedules')).body, {
    schedules: [{ name: 'Daily' }],
    next_cursor: null,
  })
  t.equal((await service.get('/api/v1/recipients/a')).status, 404, 'all or none')
})

t.test('the log', async (t) => checkLog(t, daemon))
