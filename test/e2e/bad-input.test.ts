import { connect } from 'node:net'
import t from 'tap'
import { mintToken } from '../../src/api/auth/mint.js'
import { FAILURES, type FailureCode } from '../../src/model/failure.js'
import type { Json, JsonObject } from '../../src/model/json.js'
import { Client } from '../support/client.js'
import { startDaemon, TENANT } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'

const SEND = '/api/v1/notifications/send'
const MEGABYTE = 1024 * 1024
const daemon = await startDaemon(t, { env: { LOG_LEVEL: 'debug' } })
const service = await daemon.sender()
const bob = await daemon.client('bob', ['user'])

const message = (change: JsonObject): JsonObject => service.message({ user_id: 'bob', ...change })
const nested = (depth: number): string =>
  JSON.stringify(message({ metadata: { deep: '?' } })).replace('"?"', '['.repeat(depth) + ']'.repeat(depth))
const email = (address: Json): JsonObject => message({ channel: 'email', metadata: { email: address } })
const hook = (url: Json): JsonObject => message({ channel: 'webhook', metadata: { webhook_url: url } })
const at = (ms: number): string => new Date(Date.now() + ms).toISOString()
const { title: _, content: __, ...textless } = message({})

const ENDLESS = '{% for a in (1..99999) %}{% for b in (1..99999) %}x{% endfor %}{% endfor %}'

/** What is sent, what must be said to it, and the field that must be named. */
const BODIES: readonly (readonly [what: string, body: Json, code: FailureCode, field?: string])[] = [
  ['not JSON', '{"tenant_id": ', 'malformed_body'],
  ['no object', '[]', 'validation_failed'],
  ['null', 'null', 'validation_failed'],
  ['empty', '', 'validation_failed'],
  [
    'a forbidden key',
    JSON.stringify(message({})).replace('{', '{"__proto__":{"roles":["admin"]},'),
    'malformed_body',
  ],
  ['a forbidden key, deep', '{"metadata":{"a":{"constructor":{"prototype":{}}}}}', 'malformed_body'],
  ['100 000 deep', nested(100_000), 'validation_failed'],
  ['10 MB', JSON.stringify(message({ content: 'x'.repeat(10 * MEGABYTE) })), 'payload_too_large'],
  ['an unknown field', message({ titel: 'x' }), 'validation_failed', '/titel'],
  ['a wrong type', message({ title: 7 }), 'validation_failed', '/title'],
  ['another wrong type', message({ metadata: 'x' }), 'validation_failed', '/metadata'],
  ['an unknown channel', message({ channel: 'pigeon' }), 'validation_failed', '/channel'],
  ['an unknown priority', message({ priority: 'urgent' }), 'validation_failed', '/priority'],
  ['no title', { ...textless, content: 'x' }, 'validation_failed', '/title'],
  ['an empty title', message({ title: '' }), 'validation_failed', '/title'],
  ['a title of 300', message({ title: 'x'.repeat(300) }), 'validation_failed', '/title'],
  ['a title of two lines', message({ title: 'a\r\nBcc: eve@example.org' }), 'validation_failed', '/title'],
  ['a null byte', message({ content: 'a\u0000b' }), 'validation_failed', '/content'],
  ['half a character', JSON.stringify(message({})).replace('content"', '\\ud800"'), 'validation_failed'],
  ['content of 200 000', message({ content: 'x'.repeat(200_000) }), 'validation_failed', '/content'],
  ['metadata of 20 KB', message({ metadata: { x: 'x'.repeat(20_000) } }), 'validation_failed', '/metadata'],
  ['a long user', message({ user_id: 'x'.repeat(65) }), 'validation_failed', '/user_id'],
  ['yesterday', message({ scheduled_at: at(-86_400_000) }), 'validation_failed', '/scheduled_at'],
  ['no such day', message({ scheduled_at: '2027-02-30T10:00:00Z' }), 'validation_failed', '/scheduled_at'],
  ['no zone', message({ scheduled_at: '2027-01-01T10:00:00' }), 'validation_failed', '/scheduled_at'],
  ['the year 9999', message({ scheduled_at: '9999-01-01T10:00:00Z' }), 'validation_failed', '/scheduled_at'],
  ['a time as number', message({ scheduled_at: 1_900_000_000 }), 'validation_failed', '/scheduled_at'],
  ['expired already', message({ expires_at: at(-1_000) }), 'validation_failed', '/expires_at'],
  [
    'expires first',
    message({ scheduled_at: at(9e6), expires_at: at(8e6) }),
    'validation_failed',
    '/expires_at',
  ],
  ['no such template', { ...textless, template_id: 'none' }, 'template_not_found', '/template_id'],
  [
    'a missing variable',
    message({ content: '{{ name }}', variables: {} }),
    'variable_missing',
    '/variables/name',
  ],
  ['broken Liquid', message({ content: '{% if %}', variables: {} }), 'template_invalid', '/content'],
  ['endless Liquid', message({ content: ENDLESS, variables: {} }), 'template_invalid', '/content'],
  ['no address', message({ channel: 'email' }), 'invalid_address', '/metadata/email'],
  ['no address at all', email('ada'), 'invalid_address', '/metadata/email'],
  [
    'an address of two lines',
    email('a@example.org\r\nBcc: b@example.org'),
    'invalid_address',
    '/metadata/email',
  ],
  ['two addresses', email('a@example.org, b@example.org'), 'invalid_address', '/metadata/email'],
  ['an address that is a list', email(['a@example.org']), 'invalid_address', '/metadata/email'],
  ...[
    'x',
    '//example.org',
    'ftp://example.org/',
    'http://user:word@example.org/',
    'http://127.0.0.1/',
    'http://localhost/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[fd00::1]/',
    'http://localhost./',
    'http://0/',
    'http://100.64.0.1/',
    'http://[::]/',
    'http://[fe80::1%25lo]/',
    'http://[2002:7f00:1::]/',
    'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/',
  ].map((url) => [url, hook(url), 'invalid_address', '/metadata/webhook_url'] as const),
]

t.test('bodies', async (t) => {
  for (const [what, body, code, field] of BODIES) {
    const { status, problem } = await service.post(SEND, body)
    t.same([problem.code, status], [code, FAILURES[code].status], what)
    if (field !== undefined)
      t.ok(
        problem.errors?.some((error) => error.field === field),
        `${what}: ${field}`,
      )
  }
  t.equal((await service.all('bob', 'in_app')).length, 0, 'nothing was kept')
})

t.test('a body without an end is cut off', async (t) => {
  const { hostname, port } = new URL(daemon.url)
  const socket = connect({ host: hostname, port: Number(port) })
  // Whoever is still sending may see a reset instead of the answer.
  socket.on('error', () => undefined).resume()
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const head = [
    `POST ${SEND} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${service.caller.token}`,
    'Content-Type: application/json',
    'Transfer-Encoding: chunked',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
  const pour = (): void => {
    while (!socket.destroyed && socket.write(chunk));
    socket.once('drain', pour)
  }
  pour()
  await closed
  t.ok(socket.bytesWritten > MEGABYTE, 'what is allowed is taken')
  t.ok(socket.bytesWritten < 32 * MEGABYTE, `${socket.bytesWritten} bytes were taken`)
})

t.test('tokens', async (t) => {
  const encode = (part: Json): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const claims = { sub: 'x', tenant_id: TENANT, roles: ['admin'], exp: 4_000_000_000 }
  const secret = await daemon.secret()
  const identity = { subject: 'x', tenantId: TENANT, roles: ['sender'] as const }
  const good = await mintToken(secret, { ...identity, expiresInSeconds: 60 })
  const tokens = {
    'alg none': `${encode({ alg: 'none' })}.${encode(claims)}.`,
    'alg NONE with a signature': `${encode({ alg: 'NONE' })}.${encode(claims)}.${good.split('.')[2]}`,
    'wrong key': await mintToken('x'.repeat(32), { ...identity, expiresInSeconds: 60 }),
    expired: await mintToken(secret, { ...identity, expiresInSeconds: -1 }),
    'other claims': `${good.split('.')[0]}.${encode(claims)}.${good.split('.')[2]}`,
    'no roles': await mintToken(secret, { ...identity, roles: [], expiresInSeconds: 60 }),
    'no JWT': 'x',
    '100 KB': 'x'.repeat(10_000),
  }
  for (const [what, token] of Object.entries(tokens)) {
    const client = new Client(() => daemon.url, { ...identity, token })
    t.teardown(() => client.close())
    const { status, problem, headers } = await client.send({})
    t.same([status, problem.code], [401, 'unauthenticated'], what)
    t.ok(headers['www-authenticate'], 'says what is wanted')
  }
  const other = await service.post(SEND, { ...message({}), tenant_id: 'another' })
  t.same([other.status, other.problem.code], [403, 'forbidden'], 'another tenant')
  const user = await bob.post(SEND, message({}))
  t.same([user.status, user.problem.code], [403, 'forbidden'], 'a user does not send')
})

t.test('routes', async (t) => {
  const expected: readonly (readonly [method: 'GET' | 'POST' | 'DELETE', path: string, code: FailureCode])[] =
    [
      ['GET', '/api/v1/nothing', 'not_found'],
      ['GET', '/api/v1/notifications/notif_none', 'not_found'],
      ['GET', '/api/v1/notifications/%00', 'not_found'],
      ['GET', `/api/v1/notifications/${"'; DROP TABLE notifications --".repeat(9)}`, 'not_found'],
      ['GET', '/api/v1/notifications/%E0%A4%A', 'validation_failed'],
      ['DELETE', SEND, 'method_not_allowed'],
      ['GET', '/api/v1/users/bob/notifications?limit=101', 'validation_failed'],
      ['GET', '/api/v1/users/bob/notifications?cursor=x', 'validation_failed'],
      ['GET', '/api/v1/stats?window=99h', 'validation_failed'],
    ]
  for (const [method, path, code] of expected) {
    const { problem } = await service.call(method, path)
    t.equal(problem.code, code, `${method} ${path}`)
  }
  const text = await service.call('POST', SEND, 'x', { 'content-type': 'text/plain' })
  t.equal(text.problem.code, 'unsupported_media_type')
  const key = await service.send({}, { 'idempotency-key': 'x'.repeat(256) })
  t.same([key.status, key.problem.code], [400, 'validation_failed'])
})

t.test('it still answers, and does not grow', async (t) => {
  const round = async (): Promise<void> => {
    for (let requests = 0; requests < 200; requests += BODIES.length) {
      for (const [what, body, code] of BODIES) {
        const { problem } = await service.post(SEND, body)
        if (problem.code !== code) t.fail(`${what}: ${problem.code}`)
      }
    }
  }
  // The first one lets the heap become as large as such requests make it.
  await round()
  const before = await daemon.residentMb()
  await round()
  const grown = (await daemon.residentMb()) - before
  t.ok(grown < 50, `grown by ${Math.round(grown)} MB`)
  t.match((await service.send({ title: `${MARK} after all` })).body, { status: 'sent' })
})

t.test('the log', async (t) => checkLog(t, daemon))
