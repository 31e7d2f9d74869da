import t, { type Test } from 'tap'
import type { TemplateLibrary } from '../../src/api/ports.js'
import { Failure } from '../../src/model/failure.js'
import { templateId } from '../../src/model/id.js'
import { listenForChanges } from '../../src/state/postgres/changes.js'
import { PostgresTemplates } from '../../src/state/postgres/templates.js'
import { PostgresTemplateLibrary } from '../../src/state/postgres/templates-library.js'
import { aRendering } from '../rendering/support.js'
import { testLedger } from '../support/ledger.js'
import { silentLog } from '../support/postgres.js'
import { noTemplates } from './no-templates.js'
import { type CallInit, serve, token } from './support.js'

const PATH = '/api/v1/templates'

const { rendering } = aRendering(t)

/** A server on a database and threads of its own, with short ways to ask as a sender and as an admin. */
async function open(t: Test, { autoApprove = false } = {}) {
  const { connection, store, ledger, insert, pool } = await testLedger(t)
  const changes = await listenForChanges(connection, silentLog())
  t.teardown(() => changes.close())
  const newId = () => templateId(Date.now())
  const templates = new PostgresTemplateLibrary(store, new PostgresTemplates(store, changes), {
    newId,
    autoApprove,
  })
  const client = await serve(t, { templates, inspector: rendering, renderer: rendering })
  const admin = await token('boss', 't1', ['admin'])
  const other = await token('svc', 't2', ['sender', 'admin'])
  const call = (method: string, path: string, body?: unknown, init: CallInit = {}) =>
    client.call(method, `${PATH}${path}`, { ...(body === undefined ? {} : { body }), ...init })
  return {
    ledger,
    insert,
    pool,
    admin,
    other,
    call,
    asAdmin: (method: string, path: string, body?: unknown) => call(method, path, body, { token: admin }),
    create: (changes: object = {}) => call('POST', '', { ...WELCOME, ...changes }),
  }
}

const WELCOME = {
  tenant_id: 't1',
  name: '欢迎邮件',
  title: '欢迎使用VoiceAssistant',
  content: '亲爱的{{user_name}}，欢迎您注册...',
  channel: 'email',
  variables: ['user_name'],
}

const DEFAULT = {
  name: 'default',
  weight: 1,
  title: WELCOME.title,
  content: WELCOME.content,
  translations: {},
}

t.test('a template is written, reviewed, sent, changed, restored and deleted', async (t) => {
  const { call, asAdmin, create } = await open(t)
  const created = await create()
  t.equal(created.status, 201)
  const { id } = Object(created.body)
  t.match(id, /^tmpl_[0-9a-f-]{36}$/)
  t.match(created.body, {
    name: '欢迎邮件',
    channel: 'email',
    status: 'pending_review',
    active_version: null,
    latest_version: 1,
    created_at: /^20/,
    updated_at: /^20/,
    latest: {
      version: 1,
      status: 'pending_review',
      active: false,
      locale: 'zh',
      variables: [{ name: 'user_name' }],
      variants: [DEFAULT],
      created_by: 'svc',
      reviewed_by: null,
      reviewed_at: null,
      review_note: null,
    },
  })
  t.same((await call('GET', `/${id}`)).body, created.body)

  const approved = await asAdmin('POST', `/${id}/versions/1/approve`)
  t.match(approved, {
    status: 200,
    body: { version: 1, status: 'approved', active: true, reviewed_by: 'boss', reviewed_at: /^20/ },
  })
  t.match((await call('GET', `/${id}`)).body, { status: 'active', active_version: 1 })
  const again = await asAdmin('POST', `/${id}/versions/1/approve`)
  t.match(again, { status: 409, body: { code: 'conflict', detail: /version 1 is approved/ } })

  const updated = await call('PUT', `/${id}`, { title: 'Second', content: 'Hi {{ who }}' })
  t.match(updated, {
    status: 200,
    body: {
      name: '欢迎邮件',
      status: 'active',
      active_version: 1,
      latest_version: 2,
      latest: { version: 2, status: 'pending_review', variables: [{ name: 'who' }] },
    },
  })
  t.match(await asAdmin('POST', `/${id}/versions/2/activate`), { status: 409, body: { code: 'conflict' } })
  t.match(await asAdmin('POST', `/${id}/versions/2/reject`, { reason: 'Too short' }), {
    status: 200,
    body: { status: 'rejected', active: false, reviewed_by: 'boss', review_note: 'Too short' },
  })
  await call('PUT', `/${id}`, { tenant_id: 't1', name: 'Third', title: 'Third', content: 'Hi' })
  await asAdmin('POST', `/${id}/versions/3/approve`)
  t.match((await call('GET', `/${id}`)).body, { name: 'Third', active_version: 3 })
  t.match(await asAdmin('POST', `/${id}/versions/1/activate`), { status: 200, body: { active: true } })

  t.match(await call('GET', `/${id}/versions`), {
    status: 200,
    body: {
      versions: [
        { version: 3, status: 'approved', active: false },
        { version: 2, status: 'rejected', review_note: 'Too short' },
        { version: 1, status: 'approved', active: true },
      ],
      next_cursor: null,
    },
  })
  t.match(await call('GET', `/${id}/versions/1`), { status: 200, body: { version: 1, variants: [DEFAULT] } })

  t.match(await asAdmin('DELETE', `/${id}`), { status: 204, body: '' })
  t.match(await call('GET', `/${id}`), { status: 404, body: { code: 'not_found' } })
  t.match(await asAdmin('DELETE', `/${id}`), { status: 404 })
})

t.test('where nobody approves, a template is active at once', async (t) => {
  const { call, create } = await open(t, { autoApprove: true })
  const { body } = await create({ id: 'tmpl_welcome' })
  t.match(body, { id: 'tmpl_welcome', status: 'active', active_version: 1, latest: { reviewed_by: null } })
  t.match((await call('PUT', '/tmpl_welcome', { title: 'a', content: 'b' })).body, { active_version: 2 })
})

t.test('only an admin decides what is sent; users have no business here', async (t) => {
  const { call, create, admin } = await open(t)
  await create({ id: 'a' })
  for (const [method, path, body] of [
    ['POST', '/a/versions/1/approve', undefined],
    ['POST', '/a/versions/1/reject', { reason: 'no' }],
    ['POST', '/a/versions/1/activate', undefined],
    ['DELETE', '/a', undefined],
  ] as const) {
    t.match(await call(method, path, body), { status: 403, body: { code: 'forbidden' } }, path)
  }
  const user = await token('u1', 't1', ['user'])
  for (const path of ['', '/a', '/a/versions', '/a/versions/1', '/a/stats'])
    t.equal((await call('GET', path, undefined, { token: user })).status, 403, path)
  t.equal((await call('POST', '', { ...WELCOME, id: 'b' }, { token: user })).status, 403)
  t.equal((await call('POST', '', { ...WELCOME, id: 'b' }, { token: admin })).status, 201)
  t.equal((await call('GET', '/a', undefined, { token: null })).status, 401)
})

t.test('what belongs to another tenant is not there', async (t) => {
  const { call, create, other } = await open(t)
  await create({ id: 'a' })
  const texts = { title: 'a', content: 'b' }
  for (const [method, path, body] of [
    ['GET', '/a', undefined],
    ['PUT', '/a', texts],
    ['DELETE', '/a', undefined],
    ['GET', '/a/versions', undefined],
    ['GET', '/a/versions/1', undefined],
    ['POST', '/a/versions/1/approve', undefined],
    ['POST', '/a/versions/1/reject', { reason: 'no' }],
    ['POST', '/a/versions/1/activate', undefined],
    ['GET', '/a/stats', undefined],
    ['POST', '/a/preview', {}],
  ] as const) {
    const answer = await call(method, path, body, { token: other })
    t.match(answer, { status: 404, body: { code: 'not_found' } }, `${method} ${path}`)
    const nothing = await call(method, path.replace('/a', '/no%20id'), body, { token: other })
    t.match(nothing, { status: 404, body: { code: 'not_found' } }, `${method} ${path} of nothing`)
  }
  t.match((await call('GET', '', undefined, { token: other })).body, { templates: [] })
  const foreign = { status: 403, body: { code: 'forbidden', errors: [{ field: '/tenant_id' }] } }
  t.match(await create({ tenant_id: 't2' }), foreign)
  t.match(await call('PUT', '/a', { ...texts, tenant_id: 't2' }), foreign)
  t.match(await call('POST', '', { ...WELCOME, id: 'a', tenant_id: 't2' }, { token: other }), { status: 201 })
})

t.test('a text message is told to vendors by code, where its template has one', async (t) => {
  const { call, create } = await open(t)
  const vendor = {
    params: ['product', 'user_name', 'product'],
    codes: { aliyun: 'SMS_154950909', tencent: '449739' },
  }
  const sms = {
    id: 'sms',
    channel: 'sms',
    content: '{{user_name}} {{product}}',
    variables: ['user_name', 'product'],
  }
  t.match(await create({ ...sms, vendor }), { status: 201, body: { latest: { vendor } } })
  t.match(await call('GET', '/sms/versions/1'), { status: 200, body: { vendor } })
  const { title, content, variables } = { ...WELCOME, ...sms }
  const put = (change: object) => call('PUT', '/sms', { title, content, variables, ...change })
  t.match(
    await put({}),
    { status: 200, body: { latest: { version: 2, vendor: null } } },
    'each version by itself',
  )
  t.match(await put({ vendor }), { body: { latest: { version: 3, vendor } } })
  t.match(await put({ vendor: null }), { body: { latest: { version: 4, vendor: null } } })

  const refused = (errors: readonly string[]) => ({
    status: 400,
    body: { code: 'validation_failed', errors: errors.map((field) => ({ field })) },
  })
  const params = ['user_name', 'nobody', 'recipient']
  const unknown = await put({ vendor: { ...vendor, params } })
  t.match(unknown, refused(['/vendor/params/1', '/vendor/params/2']), 'only variables of its own')
  t.match(await put({ vendor: { params: [], codes: {} } }), refused(['/vendor/codes']))
  t.match(
    await put({ vendor: { params: [], codes: { aliyum: 'SMS_1' } } }),
    refused(['/vendor/codes/aliyum']),
  )
  t.match(await put({ vendor: { params: [], codes: { aliyun: 'a b' } } }), refused(['/vendor/codes/aliyun']))
  t.match(await create({ vendor }), refused(['/vendor']), 'not for email')
  await create({ id: 'mail' })
  t.match(await call('PUT', '/mail', { title, content, vendor }), refused(['/vendor']))
  t.match(await call('PUT', '/none', { title, content, variables, vendor }), { status: 404 })
})

t.test('variants and translations come back as they were saved, and can be saved again', async (t) => {
  const { call, create } = await open(t)
  const variants = [
    {
      name: 'long',
      weight: 3,
      title: 'Hallo {{ name }}',
      content: '{{ order.total }}',
      translations: {
        'en-GB': { title: 'Hello {{ name }}', content: 'T' },
        'zh-Hant': { title: 'Z', content: 'Z' },
      },
    },
    { name: 'short', weight: 1, title: 'T', content: 'C', translations: {} },
  ]
  const variables = ['name', { name: 'order', default: { total: 0 } }]
  const body = { title: undefined, content: undefined, id: 'v', locale: 'DE', variables, variants }
  const created = await create(body)
  t.match(created, { status: 201, body: { latest: { locale: 'de' } } })
  const { latest } = Object(created.body)
  t.same(latest.variants, variants)
  t.same(latest.variables, [{ name: 'name' }, { name: 'order', default: { total: 0 } }])
  const { locale, variants: saved, variables: declared } = latest
  const updated = await call('PUT', '/v', { locale, variants: saved, variables: declared })
  t.same(Object(updated.body).latest.variants, variants)
  t.same(Object(updated.body).latest.variables, latest.variables)

  const translated = await create({
    id: 'tr',
    translations: {
      en: { title: 'Welcome', content: 'Dear {{ user_name }}' },
      'EN-gb': { title: 'a', content: 'b' },
    },
  })
  t.same(Object(translated.body).latest.variants, [
    {
      ...DEFAULT,
      translations: {
        en: { title: 'Welcome', content: 'Dear {{ user_name }}' },
        'en-GB': { title: 'a', content: 'b' },
      },
    },
  ])
})

t.test('lists come in pages, and by channel', async (t) => {
  const { call, create } = await open(t)
  for (const id of ['a', 'b', 'c']) await create({ id, channel: id === 'b' ? 'webhook' : 'email' })
  const first = await call('GET', '?limit=2')
  t.match(first.body, { templates: [{ id: 'a' }, { id: 'b' }], next_cursor: String })
  t.notOk('latest' in Object(first.body).templates[0])
  const { next_cursor } = Object(first.body)
  t.match((await call('GET', `?limit=2&cursor=${next_cursor}`)).body, {
    templates: [{ id: 'c', status: 'pending_review' }],
    next_cursor: null,
  })
  t.match((await call('GET', '?channel=webhook')).body, { templates: [{ id: 'b' }], next_cursor: null })
  const refused = (field: string) => ({
    status: 400,
    body: { code: 'validation_failed', errors: [{ field }] },
  })
  t.match(await call('GET', '?limit=0'), refused('/limit'))
  t.match(await call('GET', '?limit=101'), refused('/limit'))
  t.match(await call('GET', '?cursor=nonsense'), refused('/cursor'))
  t.match(await call('GET', '?channel=pigeon'), refused('/channel'))
  t.match(await call('GET', '?color=red'), refused('/color'))
  t.match(await call('GET', '/a/versions?cursor=nonsense'), refused('/cursor'))
  t.match(await call('GET', '/a/versions/x'), refused('/version'))
  t.match(await call('GET', '/a/versions/0'), refused('/version'))
  t.match(await call('GET', '/a/versions/2'), { status: 404 })
  t.match(await call('GET', '/a/versions?limit=1'), {
    body: { versions: [{ version: 1 }], next_cursor: null },
  })
})

t.test('an id that is taken is a conflict', async (t) => {
  const { create } = await open(t)
  t.equal((await create({ id: 'a' })).status, 201)
  t.match(await create({ id: 'a' }), { status: 409, body: { code: 'conflict', errors: [{ field: '/id' }] } })
})

const TEXT = { title: 'T', content: 'C' }
const LONG = 'x'.repeat(100_001)
const variant = (more: object = {}) => ({ name: 'v', weight: 1, ...TEXT, ...more })
const withVariants = (...variants: object[]) => ({
  title: undefined,
  content: undefined,
  variables: undefined,
  variants,
})
const locales = Object.fromEntries(
  Array.from({ length: 21 }, (_, n) => [`en-${String.fromCharCode(65 + n)}B`, TEXT]),
)

/** What is wrong with a body, and the fields that the answer names, in order. */
const BAD: readonly (readonly [string, object, readonly string[]])[] = [
  ['no tenant', { tenant_id: undefined }, ['/tenant_id']],
  ['no name', { name: undefined }, ['/name']],
  ['an empty name', { name: '' }, ['/name']],
  ['a name of two lines', { name: 'a\nb' }, ['/name']],
  ['a long name', { name: 'x'.repeat(101) }, ['/name']],
  ['an id with a space', { id: 'a b' }, ['/id']],
  ['an empty id', { id: '' }, ['/id']],
  ['a long id', { id: 'x'.repeat(65) }, ['/id']],
  ['an id that stands in the path', { id: 'preview' }, ['/id']],
  ['a digest by no channel', { id: 'tmpl_digest_pigeon' }, ['/id']],
  ['a digest by another channel', { id: 'tmpl_digest_in_app' }, ['/channel']],
  ['no channel', { channel: undefined }, ['/channel']],
  ['an unknown channel', { channel: 'pigeon' }, ['/channel']],
  ['an unknown field', { status: 'approved' }, ['/status']],
  [
    'neither title nor content',
    { title: undefined, content: undefined, variables: undefined },
    ['/title', '/content'],
  ],
  ['no title', { title: undefined }, ['/title']],
  ['an empty title', { title: '' }, ['/title']],
  ['a title of two lines', { title: 'a\nb' }, ['/title']],
  ['a long title', { title: 'x'.repeat(256) }, ['/title']],
  ['no content', { content: undefined, variables: undefined }, ['/content']],
  ['a long content', { content: LONG }, ['/content']],
  ['a NUL in the content', { content: 'a\u0000b' }, ['/content']],
  ['a locale that is none', { locale: 'no locale' }, ['/locale']],
  ['a long locale', { locale: `en-${'a'.repeat(33)}` }, ['/locale']],
  ['a translation into nothing', { translations: { 'not a locale': TEXT } }, ['/translations/not a locale']],
  ['a translation into the same', { translations: { ZH: TEXT } }, ['/translations/ZH']],
  ['a translation twice', { translations: { 'en-gb': TEXT, 'en-GB': TEXT } }, ['/translations/en-GB']],
  ['a translation without title', { translations: { en: { content: 'C' } } }, ['/translations/en/title']],
  ['a translation with more', { translations: { en: { ...TEXT, html: 'x' } } }, ['/translations/en/html']],
  [
    'a translation that is long',
    { translations: { en: { ...TEXT, content: LONG } } },
    ['/translations/en/content'],
  ],
  ['21 translations', { translations: locales }, ['/translations']],
  ['title beside variants', { ...withVariants(variant()), title: 'T' }, ['/title']],
  [
    'all beside variants',
    { ...withVariants(variant()), ...TEXT, translations: {} },
    ['/title', '/content', '/translations'],
  ],
  ['no variants', withVariants(), ['/variants']],
  [
    '11 variants',
    withVariants(...Array.from({ length: 11 }, (_, n) => variant({ name: `v${n}` }))),
    ['/variants'],
  ],
  ['a variant twice', withVariants(variant(), variant()), ['/variants/1/name']],
  ['a variant with a bad name', withVariants(variant({ name: 'a b' })), ['/variants/0/name']],
  ['a variant of no weight', withVariants(variant({ weight: 0 })), ['/variants/0/weight']],
  ['a variant of half a weight', withVariants(variant({ weight: 1.5 })), ['/variants/0/weight']],
  ['a variant of too much weight', withVariants(variant({ weight: 1001 })), ['/variants/0/weight']],
  ['a variant without content', withVariants(variant({ content: undefined })), ['/variants/0/content']],
  [
    'a variant translated into the same',
    withVariants(variant(), variant({ name: 'w', translations: { zh: TEXT } })),
    ['/variants/1/translations/zh'],
  ],
  ['variables that are no list', { variables: 'user_name' }, ['/variables']],
  ['a variable that is a number', { variables: [1] }, ['/variables/0']],
  ['a variable without name', { variables: [{ default: 1 }] }, ['/variables/0/name']],
  ['an empty variable', { variables: ['user_name', ''] }, ['/variables/1']],
  ['a variable with more', { variables: [{ name: 'user_name', type: 'text' }] }, ['/variables/0/type']],
  ['a variable with a long name', { variables: ['user_name', 'x'.repeat(65)] }, ['/variables/1']],
  ['101 variables', { variables: Array.from({ length: 101 }, (_, n) => `v${n}`) }, ['/variables']],
  [
    'an unused variable',
    { variables: ['user_name', 'a', { name: 'b', default: 1 }] },
    ['/variables/1', '/variables/2'],
  ],
  ['a variable twice', { variables: ['user_name', 'user_name'] }, ['/variables/1']],
  [
    'a variable that is there anyway',
    { content: '{{ recipient.locale }}', variables: ['recipient'] },
    ['/variables/0'],
  ],
  [
    'an undeclared variable',
    { title: '{{ b }}', variables: [], content: '{{ a }}{{ b }}' },
    ['/title', '/content'],
  ],
  [
    'an undeclared variable in a translation',
    { translations: { en: { title: '{{ user_name }}', content: '{{ who }}' } } },
    ['/translations/en/content'],
  ],
  [
    'an undeclared variable in a variant',
    { ...withVariants(variant(), variant({ name: 'w', title: '{{ x }}' })), variables: [] },
    ['/variants/1/title'],
  ],
  ['an undeclared and an unused one', { variables: ['name'] }, ['/variables/0', '/content']],
  [
    '101 variables in the texts',
    { variables: undefined, content: Array.from({ length: 101 }, (_, n) => `{{ v${n} }}`).join('') },
    ['/content'],
  ],
  ['a long name in a text', { variables: undefined, content: `{{ ${'x'.repeat(65)} }}` }, ['/content']],
  ['a variable that digests do not have', { id: 'tmpl_digest_email', variables: undefined }, ['/content']],
  ['a variable of digests elsewhere', { variables: [], content: '{{ items.size }}' }, ['/content']],
  ['a digest whose variable has no default', { id: 'tmpl_digest_email' }, ['/variables/0']],
]

t.test('what is wrong with a template is named', async (t) => {
  const { call, create } = await open(t)
  for (const [what, change, fields] of BAD) {
    const { status, body } = await create(change)
    const { code, errors } = Object(body)
    t.same(
      { status, code, fields: errors?.map(({ field }: { field: string }) => field) },
      {
        status: 400,
        code: 'validation_failed',
        fields,
      },
      what,
    )
  }
  t.match((await create({ variables: ['name'] })).body, {
    errors: [
      { message: 'declares "name", which no text uses' },
      { message: 'uses "user_name", which is not declared in /variables' },
    ],
  })
  t.match((await call('GET', '')).body, { templates: [] }, 'and nothing is saved')
})

t.test('an update is read as strictly', async (t) => {
  const { call, asAdmin, create } = await open(t)
  await create({ id: 'a' })
  await create({ id: 'tmpl_digest_email', variables: [], content: '{{ count }}' })
  for (const [path, body, field] of [
    ['/a', { title: 'T' }, '/content'],
    ['/a', { ...TEXT, channel: 'email' }, '/channel'],
    ['/a', { ...TEXT, id: 'b' }, '/id'],
    ['/a', { ...TEXT, name: '' }, '/name'],
    ['/a', { ...TEXT, variables: ['unused'] }, '/variables/0'],
    ['/tmpl_digest_email', { ...TEXT, content: '{{ who }}' }, '/content'],
  ] as const) {
    t.match(await call('PUT', path, body), {
      status: 400,
      body: { code: 'validation_failed', errors: [{ field }] },
    })
  }
  t.match((await call('GET', '/a')).body, { latest_version: 1 })
  for (const reason of ['', 'x'.repeat(501), 'a\nb', 1, undefined]) {
    const answer = await asAdmin('POST', '/a/versions/1/reject', { reason })
    t.match(answer, { status: 400, body: { code: 'validation_failed', errors: [{ field: '/reason' }] } })
  }
  t.match((await call('GET', '/a')).body, { status: 'pending_review' })
})

t.test('every text that is not valid Liquid is named', async (t) => {
  const { call, create } = await open(t)
  const answer = await create({
    title: '{{ open',
    content: '{% if x %}',
    translations: { en: { title: 'fine', content: '{{ a | no_such_filter }}' }, fr: TEXT },
  })
  t.match(answer, { status: 400, body: { code: 'template_invalid' } })
  const fields = Object(answer.body).errors.map(({ field }: { field: string }) => field)
  t.same(fields, ['/title', '/content', '/translations/en/content'])
  const many = {
    ...withVariants(
      ...Array.from({ length: 10 }, (_, n) =>
        variant({
          name: `v${n}`,
          title: '{{',
          content: '{{',
          translations: { en: { title: '{{', content: 'x' } },
        }),
      ),
    ),
  }
  t.equal(Object((await create(many)).body).errors.length, 20)
  t.match((await call('GET', '')).body, { templates: [] })
})

t.test('variables need no declaration; those of the service must have none', async (t) => {
  const { create } = await open(t)
  const { body } = await create({
    variables: undefined,
    title: '{{ b.c }} {{ recipient.user_id }}',
    content: '{% assign z = a %}{% for x in list %}{{ x }}{{ z }}{{ b }}{% endfor %}{{ unsubscribe_url }}',
  })
  t.match(body, { latest: { variables: [{ name: 'b' }, { name: 'a' }, { name: 'list' }] } })
  const digest = await create({
    id: 'tmpl_digest_email',
    variables: [{ name: 'brand', default: 'Acme' }],
    title: '{{ count }} {{ frequency }} {{ brand }}',
    content: '{% for item in items %}{{ item.title }}{% endfor %}{{ since }}{{ until }}',
  })
  t.equal(digest.status, 201)
})

t.test('a text that cannot be looked at now may be good', async (t) => {
  const client = await serve(t, {
    inspector: {
      inspect: async (_, texts) =>
        texts.map(({ field }, n) => ({
          variables: [],
          failure:
            n === 0
              ? Failure.field('template_invalid', field, 'is wrong')
              : new Failure('overloaded', 'busy', { retryAfterMs: 2_000 }),
        })),
    },
  })
  const answer = await client.call('POST', PATH, { body: WELCOME })
  t.match(answer, { status: 503, body: { code: 'overloaded' } })
  t.equal(answer.headers.get('retry-after'), '2')
})

t.test('a preview shows what would be sent', async (t) => {
  const { call, create } = await open(t)
  await create({
    id: 'a',
    variables: ['user_name', { name: 'brand', default: 'Acme' }],
    title: '{{ brand }}',
    translations: { en: { title: 'Hi {{ user_name }} from {{ brand }}', content: '<b>{{ user_name }}</b>' } },
  })
  const variables = { user_name: '<Ada>' }
  t.match(await call('POST', '/a/preview', { variables }), {
    status: 200,
    body: {
      title: 'Acme',
      content: '亲爱的&lt;Ada&gt;，欢迎您注册...',
      version: 1,
      variant: 'default',
      locale: 'zh',
    },
  })
  t.match((await call('POST', '/a/preview', { variables, locale: 'en-gb' })).body, {
    title: 'Hi <Ada> from Acme',
    content: '<b>&lt;Ada&gt;</b>',
    locale: 'en',
  })
  t.match(
    (await call('POST', '/a/preview', { variables: { ...variables, brand: 'B' }, locale: 'fr' })).body,
    {
      title: 'B',
      locale: 'zh',
    },
  )
  await call('PUT', '/a', {
    variants: [
      { name: 'x', weight: 1, title: 'X {{ recipient.timezone }}', content: '{{ unsubscribe_url }}' },
      { name: 'y', weight: 1, title: 'Y', content: '{{ recipient.user_id }}' },
    ],
  })
  t.match((await call('POST', '/a/preview', { timezone: 'Europe/Berlin' })).body, {
    title: 'X Europe/Berlin',
    content: /^https:/,
    version: 2,
    variant: 'x',
  })
  t.match((await call('POST', '/a/preview', { variant: 'y' })).body, { title: 'Y', content: 'user_preview' })
  t.match((await call('POST', '/a/preview', { version: 1, variables })).body, { title: 'Acme', version: 1 })

  await create({
    id: 'tmpl_digest_email',
    variables: [],
    content:
      '{{ count }} {{ frequency }} {{ since }} {{ until }}: {% for i in items %}{{ i.title }},{% endfor %}',
  })
  t.match((await call('POST', '/tmpl_digest_email/preview', {})).body, {
    content: '2 daily 2027-02-28T12:00:00.000Z 2027-03-01T12:00:00.000Z: First title,Second title,',
  })
  t.match((await call('POST', '/tmpl_digest_email/preview', { variables: { count: 7 } })).body, {
    content: /^7 /,
  })
})

t.test('a text that is not saved can be seen as well', async (t) => {
  const { call } = await open(t)
  const text = {
    channel: 'email',
    title: '{{ a }}',
    content: '{{ a }} {{ 1.5 | currency }}',
    variables: { a: '<' },
  }
  t.match(await call('POST', '/preview', text), {
    status: 200,
    body: { title: '<', content: '&lt; CN¥1.50', version: null, variant: null, locale: null },
  })
  t.match((await call('POST', '/preview', { ...text, channel: 'webhook', locale: 'zh-CN' })).body, {
    content: '< ¥1.50',
    locale: 'zh-CN',
  })
})

t.test('a preview says what is wrong', async (t) => {
  const { call, create } = await open(t)
  await create({ id: 'a' })
  const text = { channel: 'email', title: 'T', content: 'C' }
  for (const [path, body, code, field] of [
    ['/a/preview', {}, 'variable_missing', '/variables/user_name'],
    ['/a/preview', { variant: 'z' }, 'validation_failed', '/variant'],
    ['/a/preview', { version: 9 }, 'validation_failed', '/version'],
    ['/a/preview', { version: 0 }, 'validation_failed', '/version'],
    ['/a/preview', { locale: 'x y' }, 'validation_failed', '/locale'],
    ['/a/preview', { timezone: 'Mars/Base' }, 'validation_failed', '/timezone'],
    ['/a/preview', { variables: [] }, 'validation_failed', '/variables'],
    ['/a/preview', { title: 'T' }, 'validation_failed', '/title'],
    ['/preview', { ...text, content: '{{ a' }, 'template_invalid', '/content'],
    ['/preview', { ...text, content: '{{ a }}' }, 'variable_missing', '/variables/a'],
    ['/preview', { ...text, title: undefined }, 'validation_failed', '/title'],
    ['/preview', { ...text, channel: 'pigeon' }, 'validation_failed', '/channel'],
    ['/preview', { ...text, locale: 'x y' }, 'validation_failed', '/locale'],
    ['/preview', { ...text, variant: 'a' }, 'validation_failed', '/variant'],
    [
      '/preview',
      { ...text, title: "{{ 'x' | append: a }}", variables: { a: 'x'.repeat(255) } },
      'validation_failed',
      '/title',
    ],
  ] as const) {
    t.match(
      await call('POST', path, body),
      { status: 400, body: { code, errors: [{ field }] } },
      JSON.stringify(body),
    )
  }
})

t.test('stats compare the variants', async (t) => {
  const { call, create, insert, pool } = await open(t)
  t.equal((await call('GET', '/a/stats')).status, 404)
  await create({ id: 'a', channel: 'in_app' })
  const make = (variant: string, version: number) =>
    insert(
      {
        tenantId: 't1',
        channel: 'in_app',
        templateId: 'a',
        templateUse: { version, variant, locale: 'zh' },
        createdAt: Date.parse('2027-03-01T11:30:00Z'),
      },
      { status: 'sent' },
    )
  const { id } = await make('x', 2)
  await make('y', 2)
  await make('x', 1)
  await pool.query('UPDATE notifications SET read_at = now() WHERE id = $1', [id])
  // The clock of the server stands in 2027.
  await pool.query(`UPDATE templates SET created_at = '2027-01-01'`)
  const one = { total: 1, success_rate: 1, statuses: { sent: 1 } }
  t.match(await call('GET', '/a/stats?window=1h'), {
    status: 200,
    body: {
      id: 'a',
      window: '1h',
      since: '2027-03-01T11:00:00.000Z',
      variants: [
        { version: 2, variant: 'x', ...one, read: 1 },
        { version: 2, variant: 'y', ...one, read: 0 },
        { version: 1, variant: 'x', ...one, read: 0 },
      ],
    },
  })
  t.match((await call('GET', '/a/stats?window=10m')).body, { variants: [] })
  t.match((await call('GET', '/a/stats')).body, { window: '24h', since: '2027-02-28T12:00:00.000Z' })
  t.equal((await call('GET', '/a/stats?window=720h')).status, 200)
  for (const window of ['721h', '1d', '0h', '']) {
    const answer = await call('GET', `/a/stats?window=${window}`)
    t.match(
      answer,
      { status: 400, body: { code: 'validation_failed', errors: [{ field: '/window' }] } },
      window,
    )
  }
})

t.test('stats are asked of the store once in five seconds', async (t) => {
  let asked = 0
  let fails = true
  const stats: TemplateLibrary['stats'] = async () => {
    asked += 1
    if (fails) throw new Failure('store_unavailable', 'away')
    return []
  }
  const { templates } = noTemplates()
  const client = await serve(t, { templates: { ...templates, stats } })
  t.equal((await client.call('GET', `${PATH}/a/stats`)).status, 503)
  fails = false
  const answers = await Promise.all([1, 2, 3].map(() => client.call('GET', `${PATH}/a/stats`)))
  for (const { status } of answers) t.equal(status, 200)
  t.equal(asked, 2)
  await client.call('GET', `${PATH}/a/stats`, { token: await token('svc', 't2', ['sender']) })
  await client.call('GET', `${PATH}/b/stats`)
  t.equal(asked, 4)
})
