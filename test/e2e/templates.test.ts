import t from 'tap'
import type { Static } from 'typebox'
import type {
  PreviewAnswer,
  TemplateAnswer,
  TemplateStatsAnswer,
  TemplatesAnswer,
  VersionAnswer,
  VersionsAnswer,
} from '../../src/api/schemas/templates.js'
import type { JsonObject } from '../../src/model/json.js'
import type { Client } from '../support/client.js'
import { startDaemon, TENANT } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { readMail } from '../support/mime.js'
import { startSmtp } from '../support/smtp.js'
import { startStack } from '../support/stack.js'
import { eventually } from '../support/waiting.js'

const PATH = '/api/v1/templates'
const smtp = await startSmtp(t)
const config = { quiet_hours: { enabled: false } }
const env = { LOG_LEVEL: 'debug', SMTP_HOST: '127.0.0.1', SMTP_PORT: `${smtp.port}` }
const stack = await startStack(t)
/** The first by itself, where what is written is sent at once; the others side by side, where an admin approves it. */
const [daemon, one, two] = await Promise.all([
  startDaemon(t, { config, env }),
  startDaemon(t, { config, env: { ...stack.env, TEMPLATES_AUTO_APPROVE: 'false' } }),
  startDaemon(t, { config, env: stack.env }),
])
const service = await daemon.sender()

const inApp = (text: JsonObject): JsonObject => ({ name: 'A template', channel: 'in_app', ...text })
const saying = (content: string): JsonObject => inApp({ title: 'A title', content })

async function create(text: JsonObject, sender = service): Promise<TemplateAnswer> {
  const body = { tenant_id: sender.caller.tenantId, ...text }
  const { status, body: template } = await sender.post<TemplateAnswer>(PATH, body)
  if (status !== 201) throw new Error(`refused with ${status}: ${JSON.stringify(template)}`)
  return template
}

const use = ({ id }: TemplateAnswer, change: JsonObject = {}, sender = service) =>
  sender.send({ template_id: id, ...change })

/** What a user is shown of a template that is sent now, or why it is refused. */
async function shown(template: TemplateAnswer, change: JsonObject = {}, sender = service): Promise<string> {
  const { status, body, problem } = await use(template, change, sender)
  return status === 200 ? (await sender.detail(body.id)).content : problem.code
}

t.test('the example of the documentation', async (t) => {
  const template = await create({
    name: '欢迎邮件',
    title: '欢迎使用{{product_name}}',
    content: '您好{{user_name}}，欢迎注册{{product_name}}...',
    channel: 'email',
    variables: ['user_name', 'product_name'],
  })
  t.match(template, { id: /^tmpl_/, name: '欢迎邮件', status: 'active', created_at: /^\d{4}-.*Z$/ })
  const variables = { user_name: `张三 ${MARK}`, product_name: 'VoiceAssistant' }
  const email = { channel: 'email', metadata: { email: `${MARK}@example.org` } }
  const { body } = await use(template, { ...email, variables })
  t.match(await service.final(body.id), {
    status: 'sent',
    template: { id: template.id, version: 1, variant: 'default', locale: 'zh' },
    attempts: [{ result: 'sent' }],
  })
  const mail = readMail(smtp.mails[0]?.raw ?? '')
  t.equal(mail.header('subject'), '欢迎使用VoiceAssistant')
  t.equal(mail.parts.get('text/plain'), `您好张三 ${MARK}，欢迎注册VoiceAssistant...`)
  const missing = await use(template, { ...email, variables: { user_name: MARK } })
  t.same([missing.status, missing.problem.code], [400, 'variable_missing'])
  t.equal(missing.problem.errors?.[0]?.field, '/variables/product_name')
})

t.test('written, read, listed, deleted', async (t) => {
  const template = await create({ id: 'tmpl_short_lived', ...saying('Hello {{ user_name }}') })
  const path = `${PATH}/${template.id}`
  const read = await service.get<TemplateAnswer>(path)
  t.match(read.body, { ...template, latest: { variables: [{ name: 'user_name' }] } })
  const listed = async (query = '') =>
    (await service.get<Static<typeof TemplatesAnswer>>(`${PATH}${query}`)).body.templates.map(({ id }) => id)
  t.ok((await listed()).includes(template.id))
  t.ok((await listed('?channel=in_app')).includes(template.id))
  t.notOk((await listed('?channel=email')).includes(template.id))
  t.equal((await service.post(PATH, { tenant_id: TENANT, id: template.id, ...saying('x') })).status, 409)

  const variables = { user_name: MARK }
  t.equal(await shown(template, { variables }), `Hello ${MARK}`)
  const wrongChannel = await use(template, {
    channel: 'email',
    metadata: { email: 'ada@example.org' },
    variables,
  })
  t.equal(wrongChannel.problem.code, 'template_not_found')

  const others = await daemon.sender('other')
  for (const refused of [
    await others.get(path),
    await others.put(path, { title: 'x', content: 'x' }),
    await others.post(`${path}/preview`, { variables }),
  ])
    t.equal(refused.status, 404, 'of another tenant')
  t.equal(await shown(template, { variables }, others), 'template_not_found')

  t.equal((await service.call('DELETE', path)).problem.code, 'forbidden', 'for an admin only')
  const admin = await daemon.client('operator', ['admin'])
  t.equal((await admin.call('DELETE', path)).status, 204)
  t.equal((await service.get(path)).status, 404)
  t.equal(await shown(template, { variables }), 'template_not_found')
})

t.test('nothing is sent that an admin has not approved', async (t) => {
  const [writer, admin] = await Promise.all([one.sender(), two.client('operator', ['admin'])])
  const template = await create(saying('one'), writer)
  t.match(template, { status: 'pending_review', active_version: null, latest: { reviewed_by: null } })
  t.match(await create(saying('one'), await two.sender()), { status: 'pending_review' }, 'as by default')
  const refused = await use(template, {}, writer)
  t.same([refused.status, refused.problem.code], [400, 'template_not_found'])
  t.equal(refused.problem.errors?.[0]?.field, '/template_id')

  const version = (n: number, what: string): string => `${PATH}/${template.id}/versions/${n}${what}`
  const decide = (n: number, what: string, body: JsonObject = {}, by: Client = admin) =>
    by.post<VersionAnswer>(version(n, `/${what}`), body)
  /** By one instance what was decided at the other. */
  const sends = (content: string) =>
    eventually(async () => (await shown(template, {}, writer)) === content, `"${content}" to be sent`, 10_000)

  t.equal((await decide(1, 'approve', {}, writer)).problem.code, 'forbidden')
  const approved = await decide(1, 'approve')
  t.match(approved.body, { status: 'approved', active: true, reviewed_by: 'operator' })
  t.ok(Date.parse(`${approved.body.reviewed_at}`) > Date.now() - 60_000)
  t.ok(await sends('one'))

  const change = await writer.put<TemplateAnswer>(`${PATH}/${template.id}`, { title: 'x', content: 'two' })
  t.match(change.body, { status: 'active', active_version: 1, latest_version: 2 })
  t.equal(await shown(template, {}, writer), 'one', 'the second is not approved')
  const rejected = await decide(2, 'reject', { reason: 'The link is wrong' })
  t.match(rejected.body, { status: 'rejected', active: false, review_note: 'The link is wrong' })
  for (const what of ['approve', 'activate', 'reject'])
    t.equal((await decide(2, what, what === 'reject' ? { reason: 'x' } : {})).problem.code, 'conflict', what)
  t.equal(await shown(template, {}, writer), 'one')

  await writer.put(`${PATH}/${template.id}`, { title: 'x', content: 'three' })
  t.equal((await decide(3, 'approve')).status, 200)
  t.ok(await sends('three'))
  t.equal((await decide(1, 'activate', {}, writer)).problem.code, 'forbidden')
  t.match((await decide(1, 'activate')).body, { version: 1, active: true })
  t.ok(await sends('one'))
  const { body } = await writer.get<Static<typeof VersionsAnswer>>(`${PATH}/${template.id}/versions`)
  t.match(body.versions, [
    { version: 3, status: 'approved', active: false },
    { version: 2, status: 'rejected', reviewed_by: 'operator' },
    { version: 1, status: 'approved', active: true, created_by: 'service' },
  ])
  t.match((await writer.get<VersionAnswer>(version(2, ''))).body.variants, [{ content: 'two' }])
})

t.test('a change counts from the next send on', async (t) => {
  const template = await create(saying('0'))
  t.equal(await shown(template), '0')
  const seen: string[] = []
  for (let n = 1; n <= 20; n += 1) {
    await service.put(`${PATH}/${template.id}`, { title: 'x', content: `${n}` })
    seen.push(await shown(template))
  }
  t.same(
    seen,
    Array.from({ length: 20 }, (_, n) => `${n + 1}`),
  )
  const { body } = await use(template)
  t.match(await service.detail(body.id), { template: { id: template.id, version: 21 } })
})

t.test('the language: as asked for, as the recipient has it, as the template has it', async (t) => {
  const template = await create(
    inApp({
      locale: 'zh',
      title: '你好',
      content: '你好',
      translations: {
        en: { title: 'Hello', content: 'Hello' },
        'pt-BR': { title: 'Olá', content: 'Olá' },
      },
    }),
  )
  await service.put('/api/v1/recipients/jo%C3%A3o', { locale: 'pt-BR' })
  const rows: readonly (readonly [user: string, asked: string | null, locale: string, content: string])[] = [
    ['nobody', null, 'zh', '你好'],
    ['nobody', 'en-GB', 'en', 'Hello'],
    ['nobody', 'fr', 'zh', '你好'],
    ['joão', null, 'pt-BR', 'Olá'],
    ['joão', 'fr', 'pt-BR', 'Olá'],
    ['joão', 'en', 'en', 'Hello'],
    ['joão', 'zh-CN', 'zh', '你好'],
  ]
  for (const [user_id, asked, locale, content] of rows) {
    const { body } = await use(template, { user_id, ...(asked === null ? {} : { locale: asked }) })
    const expected = { title: content, content, template: { locale } }
    t.match(await service.detail(body.id), expected, `${user_id} ${asked}`)
  }
})

t.test('variants: the same for the same user, and counted apart', async (t) => {
  const template = await create(
    inApp({
      id: 'tmpl_compared',
      variants: [
        { name: 'short', weight: 3, title: 'x', content: 'short' },
        { name: 'long', weight: 1, title: 'x', content: 'long' },
      ],
    }),
  )
  const counts = { short: 0, long: 0 }
  for (let n = 0; n < 60; n += 1) {
    const user_id = `compared-${n}`
    const first = await service.detail((await use(template, { user_id })).body.id)
    const again = await service.detail((await use(template, { user_id })).body.id)
    const { variant = null } = first.template ?? {}
    if (variant !== 'short' && variant !== 'long') throw new Error(`there is no variant ${variant}`)
    counts[variant] += 2
    if (first.content !== variant || again.content !== variant) t.fail(`${user_id} got another one`)
    if (n > 0) continue
    const user = await daemon.client(user_id, ['user'])
    t.equal((await user.post(`/api/v1/notifications/${first.id}/read`)).status, 200)
  }
  t.ok(counts.long >= 10 && counts.short > counts.long, `${JSON.stringify(counts)} is three to one, about`)
  const { body } = await service.get<TemplateStatsAnswer>(`${PATH}/${template.id}/stats`)
  const total = Object.fromEntries(body.variants.map(({ variant, statuses }) => [variant, statuses.sent]))
  t.same(total, counts)
  t.same(body.variants.map(({ read }) => read).sort(), [0, 1])
})

t.test('a preview shows what would be sent, and sends nothing', async (t) => {
  const place = { locale: 'en-GB', timezone: 'Europe/London' }
  const variables = { user_name: 'Ada', at: '2027-07-01T12:00:00Z' }
  const template = await create({
    name: 'Due',
    channel: 'email',
    title: '{{ user_name }}',
    content: `<p>{{ user_name }}, {{ at | date: '%H:%M' }}</p>`,
  })
  const preview = (body: JsonObject) => service.post<PreviewAnswer>(`${PATH}/${template.id}/preview`, body)
  const filled = await preview({ variables: { ...variables, user_name: '<Ada>' }, ...place })
  t.match(filled.body, { title: '<Ada>', content: '<p>&lt;Ada&gt;, 13:00</p>', version: 1 })
  const missing = await preview({ variables: { user_name: 'Ada' } })
  t.same([missing.problem.code, missing.problem.errors?.[0]?.field], ['variable_missing', '/variables/at'])

  await service.put(`${PATH}/${template.id}`, { title: 'x', content: 'now {{ user_name }}' })
  t.equal((await preview({ variables })).body.content, 'now Ada')
  t.equal((await preview({ version: 1, variables, ...place })).body.content, '<p>Ada, 13:00</p>')
  t.equal((await preview({ version: 9, variables })).problem.errors?.[0]?.field, '/version')

  const unsaved = {
    channel: 'in_app',
    title: 'x',
    content: '{{ user_name }}',
    variables: { user_name: '<Ada>' },
  }
  t.equal((await service.post<PreviewAnswer>(`${PATH}/preview`, unsaved)).body.content, '<Ada>')
  t.equal((await service.all('user_preview', 'email')).length, 0)
})

t.test('values are escaped in HTML, and only there', async (t) => {
  const content = '{{ name }} {{ name | raw }} {{ name | escape }}'
  const variables = { name: '<b>&' }
  t.equal(await shown(await create(saying(content)), { variables }), '<b>& <b>& &lt;b&gt;&amp;')
  const email = { channel: 'email', metadata: { email: `${MARK}@example.org` } }
  const template = await create({ ...saying(content), channel: 'email' })
  t.equal(await shown(template, { ...email, variables }), '&lt;b&gt;&amp; <b>& &lt;b&gt;&amp;')
})

t.test('money and dates in the language of the text, as the recipient writes it', async (t) => {
  const content =
    "{{ sum | currency: 'EUR' }}, {{ at | date: 'long' }}, {{ at | date: '%H:%M' }}, {{ sum | currency }}"
  const text = { title: 'x', content }
  const template = await create(inApp({ locale: 'en', ...text, translations: { de: text } }))
  const variables = { sum: 1234.5, at: '2027-01-31T23:30:00Z' }
  const directory: Readonly<Record<string, JsonObject>> = {
    berlin: { locale: 'de-DE', timezone: 'Europe/Berlin' },
    zurich: { locale: 'de-CH', timezone: 'Europe/Zurich' },
    paris: { locale: 'fr-FR', timezone: 'Europe/Paris' },
  }
  for (const [name, entry] of Object.entries(directory))
    await service.put(`/api/v1/recipients/${name}`, entry)
  const rows: readonly (readonly [change: JsonObject, locale: string, timeZone: string, time: string])[] = [
    [{ user_id: 'berlin' }, 'de-DE', 'Europe/Berlin', '00:30'],
    [{ user_id: 'zurich' }, 'de-CH', 'Europe/Zurich', '00:30'],
    [{ user_id: 'berlin', locale: 'en-GB' }, 'en-GB', 'Europe/Berlin', '00:30'],
    [{ user_id: 'paris' }, 'en', 'Europe/Paris', '00:30'],
    [{ user_id: 'unknown' }, 'en', 'Asia/Shanghai', '07:30'],
  ]
  for (const [change, locale, timeZone, time] of rows) {
    const money = (currency: string): string =>
      new Intl.NumberFormat(locale, { style: 'currency', currency }).format(variables.sum)
    const date = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone }).format(
      new Date(variables.at),
    )
    const is = [money('EUR'), date, time, money('CNY')].join(', ')
    t.equal(await shown(template, { variables, ...change }), is, JSON.stringify(change))
  }
  const own = await service.accepted({ ...text, variables, user_id: 'berlin' })
  t.match(
    (await service.detail(own)).content,
    /^1\.234,50\s€, 1\. Februar 2027, 00:30, /,
    'without a template',
  )
})

t.test('the log', async (t) => checkLog(t, daemon, one, two))
