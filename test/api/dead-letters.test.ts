import t from 'tap'
import { createRedriving } from '../../src/api/use-cases/redriving.js'
import type { DeadEvent, EventOutcome, KafkaRecord } from '../../src/model/dead-event.js'
import { Failure } from '../../src/model/failure.js'
import { deadLetterId } from '../../src/model/id.js'
import type { Notification } from '../../src/model/notification.js'
import { Archive } from '../../src/state/postgres/archive.js'
import { PostgresDeadLetters } from '../../src/state/postgres/dead-letters.js'
import { testLedger } from '../support/ledger.js'
import { recordedTelemetry } from '../support/telemetry.js'
import { onlyFor, TENANT, wrongFields } from './directory-support.js'
import { memoryPorts } from './memory-ports.js'
import { options, serve, token } from './support.js'

const { store, insert, row, pool } = await testLedger(t)
const telemetry = recordedTelemetry()
const deadLetters = new PostgresDeadLetters(store, { reading: store, newId: () => deadLetterId(Date.now()) })
const archive = new Archive(store)
const queued: string[] = []
/** What becomes of events; each test sets its own. */
let routes: (record: KafkaRecord) => EventOutcome = () => ({ kind: 'ignored' })
const handed: KafkaRecord[] = []

const client = await serve(t, {
  telemetry,
  deadLetters,
  redriving: createRedriving({
    deadLetters,
    queue: { delay: async (entries) => void queued.push(...entries.map(({ id }) => id)) },
    handleEvents: async (records) => {
      handed.push(...records)
      return records.map((record) => routes(record))
    },
    telemetry,
  }),
  notifications: {
    ...memoryPorts().notifications,
    find: (tenantId, id) => archive.find(tenantId, id),
    attempts: (id) => archive.attempts(id),
    chain: (id) => archive.chain(id),
    collected: (id) => archive.collected(id),
  },
  rules: { ...options().rules, clock: { now: () => Date.now() } },
})

const LIST = '/api/v1/dead_letters'
const admin = await token('boss', TENANT, ['admin'])
const call = (method: string, path: string, body?: unknown) =>
  client.call(method, path, { token: admin, body })

/** A notification that has failed. */
async function failed(change: Partial<Notification> = {}, tenantId = TENANT): Promise<string> {
  const { id } = await insert({ tenantId, ...change })
  await pool.query(
    `UPDATE notifications SET status = 'failed', reason = 'rejected', attempt = 1, updated_at = now() WHERE id = $1`,
    [id],
  )
  await pool.query(
    `INSERT INTO delivery_attempts (notification_id, attempt, result, failure_code, message, started_at, duration_ms)
     VALUES ($1, 1, 'failed', 'rejected', '550 no', now(), 7)`,
    [id],
  )
  return id
}

let offset = 0
/** An event that is dead; gives its id. */
async function dead(record: Partial<KafkaRecord> = {}, change: Partial<DeadEvent> = {}): Promise<string> {
  const at = `${offset++}`
  const full = { topic: 'orders', partition: 3, offset: at, key: null, value: null, headers: [], ...record }
  await deadLetters.add([
    {
      tenantId: TENANT,
      eventId: 'e1',
      eventType: 'order.paid',
      reason: 'template_not_found',
      detail: 'there is no template tmpl_x',
      traceparent: null,
      record: full,
      ...change,
    },
  ])
  return (await pool.query('SELECT id FROM dead_letters WHERE "offset" = $1', [at])).rows[0].id
}

t.beforeEach(async () => {
  await pool.query('DELETE FROM notifications')
  await pool.query('DELETE FROM dead_letters')
  queued.length = 0
  handed.length = 0
})

t.test('both kinds are listed and shown', async (t) => {
  const [mail, event] = [await failed({ channel: 'email', userId: 'ada' }), await dead()]
  const first = await call('GET', `${LIST}?limit=1`)
  t.match(first, {
    status: 200,
    body: {
      dead_letters: [
        {
          id: event,
          kind: 'event',
          status: 'dead',
          topic: 'orders',
          partition: 3,
          reason: 'template_not_found',
        },
      ],
      next_cursor: String,
    },
  })
  t.match(await call('GET', `${LIST}?limit=1&cursor=${Object(first.body).next_cursor}`), {
    body: {
      dead_letters: [
        {
          id: mail,
          kind: 'notification',
          status: 'failed',
          channel: 'email',
          user_id: 'ada',
          detail: '550 no',
        },
      ],
    },
  })
  t.match(
    await call('GET', `${LIST}?channel=email&reason=rejected&status=failed&since=2026-01-01T00:00:00Z`),
    {
      body: { dead_letters: [{ id: mail }], next_cursor: null },
    },
  )
  t.match(await call('GET', `${LIST}?topic=orders&event_type=order.paid`), {
    body: { dead_letters: [{ id: event }] },
  })
  t.match(await call('GET', `${LIST}/${mail}`), {
    status: 200,
    body: {
      id: mail,
      detail: '550 no',
      notification: { id: mail, attempts: [{ attempt: 1, duration_ms: 7 }] },
    },
  })
  for (const id of ['dl_none', 'notif_none', 'x%2Fy'])
    t.equal((await call('GET', `${LIST}/${id}`)).status, 404, id)
})

t.test('a payload is shown as exactly as it can be', async (t) => {
  const shown = async (value: string | Buffer | null, key: Buffer | null = null) => {
    const headers = [['trace', Buffer.from('1')] as const, ['bin', Buffer.from([0xff])] as const]
    const id = await dead({ key, headers, value: value === null ? null : Buffer.from(value) })
    return Object((await call('GET', `${LIST}/${id}`)).body).event
  }
  t.match(await shown('{"order": {"id": 7}}', Buffer.from('k')), {
    key: 'k',
    key_encoding: 'text',
    payload: { order: { id: 7 } },
    payload_encoding: 'json',
    headers: [
      { name: 'trace', value: '1', encoding: 'text' },
      { name: 'bin', value: '/w==', encoding: 'base64' },
    ],
    complete: true,
  })
  t.match(await shown(Buffer.from([0x80]), Buffer.from([0x80])), {
    key: 'gA==',
    key_encoding: 'base64',
    payload: 'gA==',
    payload_encoding: 'base64',
  })
  t.match(await shown(null), { payload: null, key: null })
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  for (const text of ['no JSON', '{"id": 12345678901234567890}', deep, '"\\ud800"'])
    t.match(await shown(text), { payload: text, payload_encoding: 'text' })
})

t.test('a notification is redriven from either place, and told what stands in the way', async (t) => {
  const [one, other] = [await failed(), await failed({ expiresAt: 1 })]
  const sender = await client.call('POST', `/api/v1/notifications/${one}/redrive`)
  t.match(sender, { status: 200, body: { id: one, status: 'pending', reason: 'redriven' } })
  t.same(queued, [one])
  t.match(await call('POST', `${LIST}/${one}/redrive`), {
    status: 409,
    body: { code: 'conflict', detail: 'the notification is pending' },
  })
  t.match(await call('POST', `${LIST}/${other}/redrive`), { status: 409, body: { detail: 'it has expired' } })
  await pool.query('UPDATE notifications SET expires_at = NULL WHERE id = $1', [other])
  t.match(await call('POST', `${LIST}/${other}/redrive`), {
    status: 200,
    body: { id: other, kind: 'notification', status: 'pending' },
  })
  for (const path of [`${LIST}/notif_none`, `${LIST}/dl_none`, `${LIST}/!`, '/api/v1/notifications/none'])
    t.equal((await call('POST', `${path}/redrive`)).status, 404, path)
})

t.test('an event is handed to the routes as it came', async (t) => {
  const value = Buffer.from([1, 0, 0xff])
  const id = await dead({ value, headers: [['ce_id', Buffer.from('9')]] })
  routes = () => ({
    kind: 'poison',
    poison: {
      tenantId: 'elsewhere',
      eventId: null,
      eventType: null,
      reason: 'variable_missing',
      detail: 'user_name has no value',
      traceparent: null,
    },
  })
  t.match(await call('POST', `${LIST}/${id}/redrive`), {
    status: 409,
    body: {
      code: 'conflict',
      detail: 'the event still cannot become notifications: variable_missing: user_name has no value',
    },
  })
  t.match(handed, [{ topic: 'orders', partition: 3, value, headers: [['ce_id', Buffer.from('9')]] }])
  t.match(await call('GET', `${LIST}?reason=variable_missing`), { body: { dead_letters: [{ id }] } })
  routes = () => ({
    kind: 'unavailable',
    retryAfterMs: 3_000,
    cause: new Failure('queue_full', 'full', { retryAfterMs: 3_000 }),
  })
  const full = await call('POST', `${LIST}/${id}/redrive`)
  t.match(full, { status: 429, body: { code: 'queue_full' } })
  t.equal(full.headers.get('retry-after'), '3')
  routes = () => ({ kind: 'unavailable', retryAfterMs: 3_000, cause: new Error('away') })
  t.match(await call('POST', `${LIST}/${id}/redrive`), { status: 503, body: { code: 'store_unavailable' } })
  routes = () => ({ kind: 'done', accepted: 2 })
  t.match(await call('POST', `${LIST}/${id}/redrive`), {
    status: 200,
    body: { id, kind: 'event', status: 'redriven', accepted: 2 },
  })
  t.match(await call('POST', `${LIST}/${id}/redrive`), { status: 409, body: { detail: /was redriven at/ } })
  t.match(await call('GET', LIST), { body: { dead_letters: { length: 0 } } })
  t.match(await call('GET', `${LIST}?status=redriven`), {
    body: { dead_letters: [{ id, status: 'redriven' }] },
  })
  const large = await dead({ value: Buffer.alloc(1_048_577) })
  t.match(await call('POST', `${LIST}/${large}/redrive`), {
    status: 409,
    body: { detail: /too large to be kept/ },
  })
  const events = telemetry.lines.filter(({ event }) => event.startsWith('event.'))
  t.same(
    events.map(({ event, outcome }) => `${event} ${outcome}`),
    [
      'event.redrive_refused poison',
      'event.redrive_refused unavailable',
      'event.redrive_refused unavailable',
      'event.redriven done',
    ],
  )
})

t.test('what fits a filter is redriven round by round', async (t) => {
  const mails = [
    await failed({ channel: 'email' }),
    await failed({ channel: 'email' }),
    await failed({ channel: 'email', expiresAt: 1 }),
  ]
  const hook = await failed({ channel: 'webhook' })
  const body = { channel: 'email', limit: 2 }
  const first = await call('POST', `${LIST}/redrive`, body)
  t.match(first, {
    status: 200,
    body: { redriven: 1, refused: { conflict: 1 }, remaining: 1, until: String },
  })
  const { until, next_cursor: cursor } = Object(first.body)
  t.match(await call('POST', `${LIST}/redrive`, { ...body, until, cursor }), {
    body: { redriven: 1, refused: {}, remaining: 0, until, next_cursor: null },
  })
  t.same(queued.sort(), mails.slice(0, 2).sort())
  t.match(await row(hook), { status: 'failed' })

  const [good, bad] = [await dead({ topic: 'a' }), await dead({ topic: 'b' })]
  routes = ({ topic }) =>
    topic === 'a'
      ? { kind: 'ignored' }
      : { kind: 'unavailable', retryAfterMs: 1_000, cause: new Error('away') }
  t.match(await call('POST', `${LIST}/redrive`, { kind: 'event' }), {
    body: { redriven: 1, refused: { store_unavailable: 1 } },
  })
  t.match(await call('GET', `${LIST}?kind=event`), { body: { dead_letters: [{ id: bad }] } })
  t.match(
    await call('POST', `${LIST}/redrive`, { kind: 'event' }),
    { status: 503 },
    'nothing of it could be taken',
  )
  t.match(await call('GET', `${LIST}/${good}`), { body: { status: 'redriven' } })
  const metrics = await telemetry.metrics.registry.getMetricsAsArray()
  t.ok(metrics.some(({ name }) => name === 'notification_redriven_total'))
})

t.test('events can be deleted, notifications cannot', async (t) => {
  const [event, mail] = [await dead(), await failed()]
  t.equal((await call('DELETE', `${LIST}/${event}`)).status, 204)
  t.equal((await call('DELETE', `${LIST}/${event}`)).status, 404)
  t.match(await call('DELETE', `${LIST}/${mail}`), { status: 409, body: { detail: /only events/ } })
})

t.test('each wrong field is named', async (t) => {
  for (const [query, field] of [
    ['kind=letter', '/kind'],
    ['channel=fax', '/channel'],
    ['reason=boredom', '/reason'],
    ['status=sent', '/status'],
    ['topic=', '/topic'],
    ['since=yesterday', '/since'],
    ['until=2026-02-30T00:00:00Z', '/until'],
    ['limit=101', '/limit'],
    ['cursor=abc', '/cursor'],
    ['user_id=x', '/user_id'],
  ] as const)
    t.same(wrongFields(await call('GET', `${LIST}?${query}`)), [field], query)
  for (const [body, field] of [
    [{ limit: 1_001 }, '/limit'],
    [{ status: 'redriven' }, '/status'],
    [{ since: 'x' }, '/since'],
    [{ cursor: 'abc' }, '/cursor'],
    [{ all: true }, '/all'],
  ] as const)
    t.same(wrongFields(await call('POST', `${LIST}/redrive`, body)), [field], JSON.stringify(body))
})

t.test('each role has its place, and other tenants see nothing', async (t) => {
  const [event, mail] = [await dead(), await failed()]
  const admins = { 'user ada': false, 'sender svc': false, 'admin boss': true }
  const senders = { ...admins, 'sender svc': true }
  const theirs = await token('boss', 't2', ['admin'])
  for (const [method, path] of [
    ['GET', `${LIST}/${event}`],
    ['GET', `${LIST}/${mail}`],
    ['POST', `${LIST}/${event}/redrive`],
    ['POST', `${LIST}/${mail}/redrive`],
    ['POST', `/api/v1/notifications/${mail}/redrive`],
    ['DELETE', `${LIST}/${event}`],
  ] as const)
    t.equal((await client.call(method, path, { token: theirs })).status, 404, `${method} ${path}`)
  t.match(await client.call('GET', LIST, { token: theirs }), { body: { dead_letters: { length: 0 } } })
  t.match(await client.call('POST', `${LIST}/redrive`, { token: theirs, body: {} }), {
    body: { redriven: 0 },
  })
  await onlyFor(t, client, { method: 'GET', path: LIST }, admins)
  await onlyFor(t, client, { method: 'GET', path: `${LIST}/${event}` }, admins)
  await onlyFor(t, client, { method: 'POST', path: `/api/v1/notifications/${mail}/redrive` }, senders)
  routes = () => ({ kind: 'ignored' })
  await onlyFor(t, client, { method: 'POST', path: `${LIST}/${event}/redrive` }, admins)
  await onlyFor(t, client, { method: 'POST', path: `${LIST}/redrive`, body: {} }, admins)
  await onlyFor(t, client, { method: 'DELETE', path: `${LIST}/${event}` }, admins)
})
