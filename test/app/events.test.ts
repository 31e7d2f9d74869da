import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { bodyReader } from '../../src/api/http/validation.js'
import { readTemplateTexts } from '../../src/api/requests/template-texts.js'
import { CreateTemplateBody } from '../../src/api/schemas/templates.js'
import { createSending, type SendingPorts } from '../../src/api/use-cases/sending.js'
import { handleEvents } from '../../src/app/events.js'
import { loadConfig } from '../../src/config/load.js'
import type { EventOutcome } from '../../src/model/dead-event.js'
import type { RouteDefinition } from '../../src/model/event-route.js'
import { Failure } from '../../src/model/failure.js'
import type { Json } from '../../src/model/json.js'
import { CHANNELS } from '../../src/model/notification.js'
import type { Template } from '../../src/model/template.js'
import { checkEmailAddress } from '../../src/sinks/email/address.js'
import { createPool } from '../../src/state/postgres/pool.js'
import { memoryPorts } from '../api/memory-ports.js'
import { aRecord, CLOUD_EVENT } from '../support/events.js'
import { silentLog, startPostgres } from '../support/postgres.js'
import { runningStreams, type Surroundings } from '../support/streams.js'

const SHIPPED = loadConfig({ env: {} })
const ENTRY = { tenant_id: '=data.tenant_id', user_id: '=data.user_id', title: 'Paid', content: 'Thank you' }
const IN_APP = { ...ENTRY, channel: 'in_app' }
const EMAIL = { ...ENTRY, channel: 'email', metadata: { email: '=data.email' } }
const LIMITS = { perHour: 10_000, perDay: 10_000 }

type Entries = Readonly<Record<string, Readonly<Record<string, Json>>>>

const route = (entries: Entries, event = 'order.paid'): RouteDefinition => ({
  name: event,
  event,
  topics: null,
  when: null,
  notifications: Object.entries(entries).map(([name, fields]) => ({
    name,
    fields: new Map(Object.entries(fields)),
  })),
})

/** Records are handled by these routes, over the real streams. */
async function handling(
  t: Test,
  routes: readonly RouteDefinition[],
  {
    intake = SHIPPED.intake,
    admission = () => null,
    ...surroundings
  }: Surroundings &
    Partial<Pick<SendingPorts, 'admission'>> & { readonly intake?: typeof SHIPPED.intake } = {},
) {
  const sent = async () => ({})
  const streams = await runningStreams(t, sent, { options: { rateLimits: LIMITS }, ...surroundings })
  const { jobs, attachments } = memoryPorts()
  const fine = () => null
  const sending = createSending({
    intake: streams.intake,
    jobs,
    attachments,
    rules: {
      channels: () => new Set(CHANNELS),
      checks: {
        email: ({ email }, prefix) => {
          const message = checkEmailAddress(email)
          return message === null ? null : { field: `${prefix}/email`, message }
        },
        sms: fine,
        webhook: fine,
        push: fine,
        websocket: fine,
        in_app: fine,
      },
      maxAttachmentBytes: 0,
      clock: { now: () => Date.now() },
    },
    admission,
    log: streams.telemetry.log,
  })
  const handle = handleEvents({ events: { ...SHIPPED.events, routes }, intake }, sending, streams.telemetry)
  const rows = async () =>
    (await streams.pool.query('SELECT * FROM notifications ORDER BY user_id, channel')).rows
  const counted = async () => {
    const { values } = await streams.telemetry.metrics.events.get()
    return Object.fromEntries(values.map(({ labels, value }) => [labels.result, value]))
  }
  return { ...streams, handle, rows, counted }
}

const order = (n: number, more: object = {}) =>
  aRecord({
    value: {
      event_type: 'order.paid',
      event_id: `order-${n}`,
      tenant_id: 'acme',
      user_id: `user-${n}`,
      email: `user-${n}@example.com`,
      ...more,
    },
  })

const kinds = (outcomes: readonly EventOutcome[]) => outcomes.map(({ kind }) => kind)

t.test('every notification of an event is there once, however often the event comes', async (t) => {
  const { handle, rows, pool, counted } = await handling(t, [route({ email: EMAIL, inbox: IN_APP })])
  const events = Array.from({ length: 20 }, (_, n) => order(n))
  const both = await Promise.all([handle(events), handle(events)])
  const later = await handle(
    Array.from({ length: 20 }, (_, n) => order(n, { note: 'once more, and different' })),
  )
  for (const outcomes of [...both, later]) {
    t.same(outcomes, Array(20).fill({ kind: 'done', accepted: 2 }))
  }
  const found = await rows()
  t.equal(found.length, 40)
  t.equal(new Set(found.map(({ user_id, channel }) => `${user_id} ${channel}`)).size, 40)
  const { rows: keys } = await pool.query('SELECT DISTINCT keep_seconds FROM idempotency_keys')
  t.same(keys, [{ keep_seconds: 7 * 86_400 }])
  t.same(await counted(), { done: 60 })
})

t.test('outcomes are in the order of the records, whatever they are', async (t) => {
  const { handle, counted } = await handling(t, [route({ inbox: IN_APP })])
  const outcomes = await handle([
    aRecord({ value: Buffer.from('no'), headers: { ce_type: 'order.paid' } }),
    order(1),
    aRecord({}),
    aRecord({ value: { event_type: 'unknown' } }),
    order(2, { user_id: 7, tenant_id: 'globex' }),
    aRecord({ value: { tenant_id: 'acme', user_id: 'ada' }, headers: CLOUD_EVENT }),
    order(3, { tenant_id: null }),
  ])
  t.match(outcomes, [
    { kind: 'poison', poison: { tenantId: 'default', eventType: 'order.paid', reason: 'unreadable' } },
    { kind: 'done', accepted: 1 },
    { kind: 'ignored' },
    { kind: 'ignored' },
    {
      kind: 'poison',
      poison: {
        tenantId: 'globex',
        eventId: 'order-2',
        eventType: 'order.paid',
        reason: 'validation_failed',
        detail: 'route order.paid, notification inbox: /user_id must be string',
        traceparent: null,
      },
    },
    { kind: 'done', accepted: 1 },
    { kind: 'poison', poison: { tenantId: 'default', detail: /\/tenant_id is required/ } },
  ])
  t.same(await counted(), { poison: 3, done: 2, ignored: 2 })
})

t.test('a list of users gives each of them one, and no more go at once than there is room for', async (t) => {
  const intake = { batchSize: 5, inFlight: 1, waiting: 20 }
  const { handle, rows } = await handling(t, [route({ inbox: IN_APP })], {
    intake,
    options: { rateLimits: LIMITS, intake: { size: 5, inFlight: 1, waiting: 20 } },
  })
  const users = Array.from({ length: 60 }, (_, n) => `user-${n}`)
  const outcomes = await handle([
    order(1, { user_id: [...users, 'user-1', 'user-2'] }),
    order(2, { user_id: users }),
    order(3, { user_id: [] }),
    order(4, { user_id: Array.from({ length: 1_001 }, (_, n) => `user-${n}`) }),
    order(5, { user_id: ['ada', ''] }),
  ])
  t.match(outcomes, [
    { kind: 'done', accepted: 60 },
    { kind: 'done', accepted: 60 },
    { kind: 'done', accepted: 0 },
    {
      kind: 'poison',
      poison: { reason: 'validation_failed', detail: /\/user_id must not be more than 1000 users/ },
    },
    { kind: 'poison', poison: { detail: /\/user_id must not be empty \(1 of 2 notifications refused\)/ } },
  ])
  t.equal((await rows()).length, 121)
})

t.test('what was refused for good is written later, and only that', async (t) => {
  const templates: Template[] = []
  const { handle, rows } = await handling(
    t,
    [route({ email: { ...EMAIL, template_id: 'tmpl_paid' }, inbox: IN_APP })],
    {
      templates: async (keys) => keys.map(({ id }) => templates.find((one) => one.id === id) ?? null),
    },
  )
  const records = [order(1), order(2, { email: 'nobody' })]
  t.match(await handle(records), [
    {
      kind: 'poison',
      poison: {
        tenantId: 'acme',
        reason: 'template_not_found',
        detail: /notification email \(tmpl_paid\): \/template_id .*\(1 of 2/,
      },
    },
    {
      kind: 'poison',
      poison: { reason: 'invalid_address', detail: /\/metadata\/email must/ },
    },
  ])
  t.same(
    (await rows()).map(({ channel }) => channel),
    ['in_app', 'in_app'],
  )
  const texts = { zh: { title: 'Paid', content: 'Thank you' } }
  templates.push({
    id: 'tmpl_paid',
    version: 1,
    channel: 'email',
    defaultLocale: 'zh',
    variables: [],
    variants: [{ name: 'default', weight: 1, texts }],
  })
  t.match(await handle(records), [{ kind: 'done', accepted: 2 }, { kind: 'poison' }])
  t.same(
    (await rows()).map(({ user_id, channel }) => `${user_id} ${channel}`),
    ['user-1 email', 'user-1 in_app', 'user-2 in_app'],
  )
})

t.test('while the service cannot take it, an event is neither done nor poison', async (t) => {
  const mixed = route({ email: EMAIL, inbox: { ...IN_APP, user_id: 'a\u0000b' } }, 'order.mixed')
  const { handle } = await handling(t, [route({ email: EMAIL, inbox: IN_APP }), mixed], {
    admission: (channel, tenantId) => {
      if (tenantId === 'full') return new Failure('queue_full', 'the lane is full', { retryAfterMs: 5_000 })
      if (tenantId === 'broken') return new Failure('internal', 'not so')
      return channel === 'email' && tenantId === 'half' ? new Failure('shutting_down', 'stopping') : null
    },
  })
  const outcomes = await handle([
    order(1, { tenant_id: 'full' }),
    order(2, { tenant_id: 'half', user_id: undefined }),
    order(3, { tenant_id: 'half' }),
    order(4, { tenant_id: 'broken' }),
    order(5, { tenant_id: 'half', event_type: 'order.mixed' }),
  ])
  t.match(outcomes, [
    { kind: 'unavailable', retryAfterMs: 5_000, cause: { code: 'queue_full' } },
    { kind: 'poison', poison: { reason: 'validation_failed' } },
    { kind: 'unavailable', retryAfterMs: 1_000, cause: { code: 'shutting_down' } },
    {
      kind: 'failed',
      poison: { tenantId: 'broken', reason: 'internal', detail: /^route order.paid, notif/ },
    },
    { kind: 'unavailable', cause: { code: 'shutting_down' } },
  ])
})

t.test('when the store is away, the same records are done once it is back', async (t) => {
  const server = await startPostgres()
  const { connection } = server
  const pool = createPool(connection, { size: 5, statementTimeoutMs: 2_000, log: silentLog() })
  t.teardown(async () => {
    await pool.end()
    await server.destroy()
  })
  const { handle, rows } = await handling(t, [route({ email: EMAIL, inbox: IN_APP })], {
    database: { connection, pool },
  })
  t.same(kinds(await handle([order(1)])), ['done'])
  await server.stop()
  const records = [order(1), order(2), order(3)]
  for (const outcome of await handle(records)) {
    t.match(outcome, { kind: 'unavailable', retryAfterMs: 1_000, cause: { code: 'store_unavailable' } })
  }
  await server.restart()
  t.same(kinds(await handle(records)), ['done', 'done', 'done'])
  t.equal((await rows()).length, 6)
})

t.test('the shipped routes work with the templates of the documentation', async (t) => {
  const documented = new Map<string, Template>()
  const { handle, rows, renderer } = await handling(t, SHIPPED.events.routes, {
    templates: async (keys) => keys.map(({ id }) => documented.get(id) ?? null),
  })
  const text = readFileSync('docs/kafka.md', 'utf8')
  for (const [, json = ''] of text.matchAll(/^template '(.*)'$/gm)) {
    const {
      id = '',
      channel,
      name: _,
      tenant_id: __,
      ...texts
    } = bodyReader(CreateTemplateBody)(JSON.parse(json))
    const owner = { tenantId: 'demo', templateId: id, channelOf: async () => channel }
    const read = await readTemplateTexts(texts, owner, 'zh', renderer)
    documented.set(id, { id, version: 1, channel, ...read })
  }
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const event = (topic: string, more: object) => {
    const value = { event_type: topic, tenant_id: 'demo', user_id: 'ada', email: 'ada@example.com', ...more }
    return aRecord({ topic, value, headers: { traceparent } })
  }
  const outcomes = await handle([
    event('document.indexed', { document_id: 'd1', document_name: 'Report.pdf' }),
    event('task.completed', { task_id: 't1' }),
    event('user.registered', { user_name: 'Ada' }),
    event('payment.success', { payment_id: 'p1', amount: 99.5 }),
    event('conversation.message.sent', {
      sender_name: 'Bob',
      message: 'Hi',
      conversation_id: 'c1',
      message_id: 'm1',
    }),
  ])
  t.same(
    outcomes,
    [2, 1, 1, 1, 1].map((accepted) => ({ kind: 'done', accepted })),
  )
  const found = await rows()
  t.ok(found.every((row) => row.traceparent?.startsWith('00-4bf92f3577b34da6a3ce929d0e0e4736-')))
  t.same(found.map(({ channel, notification_type: type, title }) => `${channel} ${type} ${title}`).sort(), [
    'email activity.document_indexed Report.pdf 已可检索',
    'email billing.payment_success 支付成功',
    'email system.user_registered 欢迎使用',
    'in_app activity.document_indexed 文档已可检索',
    'in_app activity.task_completed 任务已完成',
    'websocket activity.message Bob',
  ])
  t.match(
    found.find(({ notification_type: type }) => type === 'billing.payment_success'),
    { priority: 8, content: /99\.50/, metadata: { email: 'ada@example.com', payment_id: 'p1' } },
  )
})
