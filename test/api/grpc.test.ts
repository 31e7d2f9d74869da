import t from 'tap'
import { Failure } from '../../src/model/failure.js'
import { createLog } from '../../src/telemetry/log.js'
import { generated } from '../support/generated-client.js'
import { clientOf, serveGrpc } from './grpc-support.js'
import { memoryPorts } from './memory-ports.js'
import { NOW, token, VALID } from './support.js'

const files = await generated(t)
const SEND = { ...VALID, channel: 'CHANNEL_IN_APP' }
const SECOND = 1_000
const iso = (time: number): string => new Date(time).toISOString()

t.test('a notification is sent as it would be over HTTP', async (t) => {
  const ports = memoryPorts()
  const served = await serveGrpc(t, ports)
  const client = await clientOf(t, served, files)
  const { message } = await client.call('SendNotification', {
    ...SEND,
    channel: 'CHANNEL_EMAIL',
    priority: 'PRIORITY_HIGH',
    notification_type: 'billing',
    locale: 'zh',
    variables: { name: 'Ada', nested: { list: [1, 'two', null, true, { three: 3.5 }] } },
    metadata: { email: 'ada@example.com', order: 7 },
    attachments: [{ filename: 'a.txt', content: Buffer.from('hello').toString('base64') }],
    scheduled_at: iso(NOW + 60 * SECOND),
    expires_at: iso(NOW + 3_600 * SECOND + 250),
  })
  t.match(message, { id: /^notif_/, status: 'STATUS_PENDING', reason: 'scheduled' })
  t.match(message, { deferred_until: '2027-03-01T12:01:00Z', created_at: String })
  t.match(ports.intake.submitted, [
    {
      tenantId: 't1',
      userId: 'u1',
      channel: 'email',
      priority: 'high',
      notificationType: 'billing',
      locale: 'zh',
      variables: { name: 'Ada', nested: { list: [1, 'two', null, true, { three: 3.5 }] } },
      metadata: { email: 'ada@example.com', order: 7 },
      attachments: [{ filename: 'a.txt', contentType: 'text/plain', size: 5 }],
      scheduledAt: NOW + 60 * SECOND,
      expiresAt: NOW + 3_600 * SECOND + 250,
    },
  ])
  t.equal(ports.attachments.kept[0]?.content.toString(), 'hello')
})

t.test('what is not given is as usual', async (t) => {
  const ports = memoryPorts()
  const client = await clientOf(t, await serveGrpc(t, ports), files)
  t.match((await client.call('SendNotification', SEND)).message, { status: 'STATUS_SENT' })
  t.match(ports.intake.submitted, [
    { priority: 'medium', notificationType: 'activity', variables: null, locale: null, traceparent: null },
  ])
})

t.test('a batch has an outcome for each user', async (t) => {
  const ports = memoryPorts()
  const client = await clientOf(t, await serveGrpc(t, ports), files)
  const { user_id: _, ...rest } = SEND
  const { message } = await client.call('SendBulkNotification', {
    ...rest,
    channel: 'CHANNEL_EMAIL',
    recipients: [
      { user_id: 'u1', metadata: { email: 'a@example.com' }, variables: { name: 'A' } },
      { user_id: 'u2', metadata: { email: 7 } },
    ],
  })
  t.match(message, {
    job_id: /^job_/,
    total_users: 2,
    status: 'JOB_STATUS_PROCESSING',
    accepted: 1,
    refused: [{ user_id: 'u2', code: 'invalid_address', detail: /email/ }],
  })
  t.match(ports.intake.submitted, [{ userId: 'u1', variables: { name: 'A' } }])
  const many = { ...rest, user_ids: Array.from({ length: 1_001 }, (_, n) => `u${n}`) }
  t.match(await client.refusal('SendBulkNotification', many), { status: 'InvalidArgument', message: /1000/ })
  const none = await client.refusal('SendBulkNotification', rest)
  t.match(none.details.BadRequest, { fieldViolations: [{ field: '/user_ids' }] })
})

t.test('a key makes a call safe to repeat, also across the protocols', async (t) => {
  const ports = memoryPorts()
  const client = await clientOf(t, await serveGrpc(t, ports), files)
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const init = { metadata: { 'idempotency-key': 'k1', traceparent } }
  const first = await client.call('SendNotification', SEND, init)
  const again = await client.call('SendNotification', SEND, init)
  t.same(again.message, first.message)
  t.equal(first.header.get('idempotency-replayed'), null)
  t.equal(again.header.get('idempotency-replayed'), 'true')
  t.match(ports.intake.submitted, [{ traceparent }])
  t.equal(ports.intake.submitted.length, 1)
  const other = await client.refusal('SendNotification', { ...SEND, title: 'Other' }, init)
  t.match(other, { status: 'FailedPrecondition', code: 'idempotency_mismatch' })
  const long = { metadata: { 'idempotency-key': 'k'.repeat(256) } }
  t.match(await client.refusal('SendNotification', SEND, long), {
    code: 'validation_failed',
    message: /\/idempotency-key must be 1 to 255 visible ASCII characters/,
  })
})

t.test('a user reads the inbox and nothing else', async (t) => {
  const ports = memoryPorts()
  const client = await clientOf(t, await serveGrpc(t, ports), files)
  const metadata = { email: 'u1@example.com', order: 7 }
  for (const title of ['one', 'two', 'three'])
    await client.call('SendNotification', { ...SEND, title, metadata })
  const own = { token: await token('u1', 't1', ['user']) }

  const page = await client.call('GetUserNotifications', { user_id: 'u1', limit: 2 }, own)
  t.match(page.message, {
    notifications: [
      { title: 'three', channel: 'CHANNEL_IN_APP', priority: 'PRIORITY_MEDIUM', status: 'STATUS_SENT' },
      { title: 'two', metadata: { order: 7 }, sent_at: String, read_at: undefined },
    ],
    next_cursor: String,
  })
  t.notMatch(JSON.stringify(page.message), /example\.com/, 'where else they could be reached is not shown')
  t.match(
    JSON.stringify((await client.call('GetUserNotifications', { user_id: 'u1' })).message),
    /example\.com/,
  )

  t.same((await client.call('GetUnreadCount', { user_id: 'u1' }, own)).message, {
    user_id: 'u1',
    unread_count: 3,
  })
  const [id = ''] = [...ports.notifications.records.keys()]
  const read = await client.call('MarkAsRead', { id }, own)
  t.match(read.message, { notification: { id, read_at: String } })
  t.same((await client.call('GetUnreadCount', { user_id: 'u1' }, own)).message, {
    user_id: 'u1',
    unread_count: 2,
  })
  const unread = await client.call('GetUserNotifications', { user_id: 'u1', unread: false }, own)
  t.match(unread.message, { notifications: [{ id }] })

  const admin = { token: await token('boss', 't1', ['admin']) }
  t.match((await client.call('MarkAsRead', { id }, admin)).message, { notification: { id } })

  const refusals = {
    'of another user': client.refusal('GetUserNotifications', { user_id: 'u2' }, own),
    'count of another user': client.refusal('GetUnreadCount', { user_id: 'u2' }, own),
    'a sender does not read': client.refusal('MarkAsRead', { id }),
    'a user does not send': client.refusal('SendNotification', SEND, own),
  }
  for (const [what, refusal] of Object.entries(refusals)) {
    t.match(await refusal, { status: 'PermissionDenied', code: 'forbidden' }, what)
  }
  const stranger = { token: await token('u1', 't2', ['user', 'admin']) }
  t.match(await client.refusal('MarkAsRead', { id }, stranger), { status: 'NotFound', code: 'not_found' })
  t.match(await client.refusal('MarkAsRead', { id: '/' }, own), { status: 'NotFound' })
  t.match(await client.refusal('MarkAsRead', {}, own), {
    code: 'validation_failed',
    message: /\/id is required/,
  })
  t.match(await client.refusal('GetUserNotifications', { user_id: 'u1', limit: 0 }, own), {
    code: 'validation_failed',
    details: { BadRequest: { fieldViolations: [{ field: '/limit', description: 'must be >= 1' }] } },
  })
})

t.test('bad input is named, field by field', async (t) => {
  const client = await clientOf(t, await serveGrpc(t), files)
  const send = (change: object) => client.refusal('SendNotification', { ...SEND, ...change })
  t.match(await client.refusal('SendNotification', {}), {
    status: 'InvalidArgument',
    code: 'validation_failed',
    details: {
      ErrorInfo: { reason: 'validation_failed', domain: 'notification-service' },
      BadRequest: {
        fieldViolations: [
          { field: '/tenant_id', description: 'is required' },
          { field: '/channel', description: 'is required' },
          { field: '/user_id', description: 'is required' },
        ],
      },
    },
  })
  t.match(await send({ channel: 77 }), {
    message: '/channel must be one of email, sms, websocket, webhook, in_app, push',
  })
  t.match(await send({ title: '' }), { message: '/title must not be empty' })
  t.match(await send({ metadata: { a: { b: 'x\u0000' } } }), { message: /^\/metadata\/a\/b must not hold/ })
  t.match(await send({ scheduled_at: '0001-01-01T00:00:00Z' }), {
    message: /^\/scheduled_at must not be more/,
  })
  t.match(await send({ channel: 'CHANNEL_WEBHOOK', metadata: { webhook_url: 7 } }), {
    code: 'invalid_address',
    details: { BadRequest: { fieldViolations: [{ field: '/metadata/webhook_url' }] } },
  })
  const deep = (depth: number): object => (depth === 0 ? { x: 1 } : { x: deep(depth - 1) })
  t.match(await send({ metadata: deep(40) }), { code: 'validation_failed', message: /nested deeper than 32/ })
  t.match(await send({ metadata: deep(90) }), { code: 'malformed_body' })
  t.match(await send({ tenant_id: 't2' }), {
    status: 'PermissionDenied',
    code: 'forbidden',
    details: { BadRequest: { fieldViolations: [{ field: '/tenant_id' }] } },
  })
})

t.test('keys that are cut in the middle of a character do no harm', async (t) => {
  const client = await clientOf(t, await serveGrpc(t), files)
  const { length: room } = '/metadata/'
  for (const shift of [0, 1]) {
    const key = `${'k'.repeat(256 - room - 1 - shift)}${'😀'.repeat(9)}`
    const refusal = await client.refusal('SendNotification', {
      ...SEND,
      metadata: { [key]: { x: '\u0000' } },
    })
    t.match(refusal, { code: 'validation_failed' })
  }
  const keys = Array.from({ length: 20 }, (_, n) => `k${n}`)
  const recipients = keys.map((key) => ({ user_id: '\u0001'.repeat(3), metadata: { [key]: 'x' } }))
  const { user_id: _, ...rest } = SEND
  const crowded = await client.refusal('SendBulkNotification', { ...rest, recipients })
  t.match(crowded, { code: 'validation_failed', details: { BadRequest: { fieldViolations: Array } } })
})

t.test('a caller without a good token is refused before the message is read', async (t) => {
  const client = await clientOf(t, await serveGrpc(t), files)
  const expired = 'eyJhbGciOiJub25lIn0.e30.'
  for (const given of [null, 'nonsense', expired]) {
    t.match(await client.refusal('SendNotification', {}, { token: given }), {
      status: 'Unauthenticated',
      code: 'unauthenticated',
      details: { ErrorInfo: { reason: 'unauthenticated' } },
    })
  }
})

t.test('each code that sending may be refused with is told as in the catalogue', async (t) => {
  const cases = {
    template_not_found: 'InvalidArgument',
    template_invalid: 'InvalidArgument',
    variable_missing: 'InvalidArgument',
    conflict: 'FailedPrecondition',
    rate_limited: 'ResourceExhausted',
    queue_full: 'ResourceExhausted',
    store_unavailable: 'Unavailable',
    overloaded: 'Unavailable',
    shutting_down: 'Unavailable',
  } as const
  let next = new Failure('internal', '')
  const ports = memoryPorts()
  const intake = { ...ports.intake, submit: async () => Promise.reject(next) }
  const served = await serveGrpc(t, { ...ports, intake })
  const client = await clientOf(t, served, files)
  for (const code of ['template_not_found', 'template_invalid', 'variable_missing', 'conflict'] as const) {
    next = new Failure(code, `because of ${code}`)
    const { details, ...refusal } = await client.refusal('SendNotification', SEND)
    t.same(refusal, { status: cases[code], code, message: `because of ${code}` })
    t.same(Object.keys(details), ['ErrorInfo'])
  }
  const later = ['rate_limited', 'queue_full', 'store_unavailable', 'overloaded', 'shutting_down'] as const
  for (const code of later) {
    next = new Failure(code, `because of ${code}`, { retryAfterMs: 1_500 })
    const refusal = await client.refusal('SendNotification', SEND)
    t.match(refusal, { status: cases[code], code, details: { RetryInfo: { retryDelay: '1.500s' } } })
  }
  const counted = await served.options.telemetry.metrics.grpcRefused.get()
  t.ok(counted.values.some(({ labels, value }) => labels.code === 'queue_full' && value === 1))
})

t.test('a fault of ours tells nothing but where to look', async (t) => {
  const lines: string[] = []
  const log = createLog('debug', { write: (line: string) => lines.push(line) })
  const ports = memoryPorts()
  const intake = { ...ports.intake, submit: async () => Promise.reject(new TypeError('the secret plan')) }
  const common = (await serveGrpc(t)).options
  const client = await clientOf(
    t,
    await serveGrpc(t, { ...ports, intake, telemetry: { ...common.telemetry, log } }),
    files,
  )
  const refusal = await client.refusal('SendNotification', SEND)
  t.match(refusal, {
    status: 'Internal',
    code: 'internal',
    message: 'the call could not be handled',
    details: { ErrorInfo: { metadata: { request_id: /^urn:uuid:/ } } },
  })
  t.notMatch(JSON.stringify(refusal), /secret/)
  const line = lines.map((text) => JSON.parse(text)).find(({ event }) => event === 'grpc.request_failed')
  t.match(line, {
    level: 'error',
    method: /SendNotification$/,
    tenant_id: 't1',
    err: { message: 'the secret plan' },
  })
  t.match(refusal.details.ErrorInfo, { metadata: { request_id: line.request_id } })
})

t.test('users have a limit of requests, senders none', async (t) => {
  const client = await clientOf(
    t,
    await serveGrpc(t, { limits: { userPerMinute: 2, senderPerMinute: 0 } }),
    files,
  )
  const own = { token: await token('u1', 't1', ['user']) }
  const count = { user_id: 'u1' }
  await client.call('GetUnreadCount', count, own)
  await client.call('GetUnreadCount', count, own)
  const refusal = await client.refusal('GetUnreadCount', count, own)
  t.match(refusal, {
    status: 'ResourceExhausted',
    code: 'rate_limited',
    message: 'the limit is 2 requests a minute',
  })
  t.match(refusal.details.RetryInfo, { retryDelay: /^(59|60)(\.\d+)?s$/ })
  for (let n = 0; n < 4; n += 1) await client.call('GetUnreadCount', count)
})
