import t from 'tap'
import type { PersonalData } from '../../src/api/ports.js'
import type { UserAddress } from '../../src/streams/ports.js'
import { serveDirectory } from './directory-support.js'
import { memoryPorts } from './memory-ports.js'
import { serve, token, VALID } from './support.js'

const USER = '/api/v1/users/u1'

t.test('a user has a copy of everything, a line for each notification', async (t) => {
  const client = await serve(t)
  await client.call('POST', '/api/v1/notifications/send', { body: VALID })
  await client.call('POST', '/api/v1/notifications/send', { body: VALID })
  const response = await fetch(`${client.url}${USER}/export`, {
    headers: { authorization: `Bearer ${await token('u1', 't1', ['user'])}` },
  })
  t.match(response.headers.get('content-type'), 'application/x-ndjson')
  const lines = (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines, [{ user_id: 'u1', status: 'sent' }, { user_id: 'u1' }])
})

t.test('the first line is what is known of the person', async (t) => {
  const { client, as, suppressions } = await serveDirectory(t)
  const admin = await as('boss', 'admin')
  const user = { body: { user_id: 'u1', subscriptions: [{ group: 'marketing', enabled: false }] } }
  await client.call('PUT', '/api/v1/recipients/u1', {
    body: { email: 'u1@example.com', phone: '+12025550100', quiet_hours: [{ start: '22:00', end: '07:00' }] },
  })
  await client.call('PUT', '/api/v1/subscriptions', user)
  await client.call('PUT', '/api/v1/blocklist/u1', { token: admin, body: { reason: 'why' } })
  await suppressions.add({ tenantId: 't1', channel: 'email', address: 'u1@example.com' }, 'bounce', null)
  await suppressions.add({ tenantId: 't1', channel: 'sms', address: '+12025550100' }, 'manual', null)
  const { body } = await client.call('GET', `${USER}/export`, { token: await as('u1', 'user') })
  t.match(body, {
    kind: 'recipient',
    tenant_id: 't1',
    user_id: 'u1',
    directory: { email: 'u1@example.com', quiet_hours: [{ start: '22:00', end: '07:00' }] },
    subscriptions: [{ group: 'marketing', enabled: false }],
    blocked: { reason: 'why' },
    suppressions: [
      { channel: 'email', address: 'u1@example.com', reason: 'bounce' },
      { channel: 'sms', address: '+12025550100', reason: 'manual' },
    ],
  })
  t.match(await client.call('DELETE', USER, { token: admin }), { body: { erased: 0, remaining: 0 } })
  t.equal((await client.call('GET', '/api/v1/recipients/u1', { token: admin })).status, 404)
})

t.test('an admin erases, and is told what is still being sent', async (t) => {
  const asked: UserAddress[] = []
  const personalData: PersonalData = {
    ...memoryPorts().personalData,
    erase: async (user) => {
      asked.push(user)
      return { erased: 3, remaining: 1 }
    },
  }
  const client = await serve(t, { personalData })
  const admin = await token('boss', 't1', ['admin'])
  t.match(await client.call('DELETE', USER, { token: admin }), {
    status: 200,
    body: { user_id: 'u1', erased: 3, remaining: 1 },
  })
  t.same(asked, [{ tenantId: 't1', userId: 'u1' }])
})

t.test('nobody else may do either', async (t) => {
  const client = await serve(t)
  for (const [method, path, subject, role] of [
    ['GET', `${USER}/export`, 'u2', 'user'],
    ['GET', `${USER}/export`, 'svc', 'sender'],
    ['DELETE', USER, 'u1', 'user'],
    ['DELETE', USER, 'svc', 'sender'],
  ] as const) {
    const answer = await client.call(method, path, { token: await token(subject, 't1', [role]) })
    t.match(answer, { status: 403, body: { code: 'forbidden' } }, `${method} by ${role} ${subject}`)
  }
})
