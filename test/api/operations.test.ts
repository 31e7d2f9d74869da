import t from 'tap'
import type { Dependency } from '../../src/api/ports.js'
import { memoryPorts } from './memory-ports.js'
import { serve, token } from './support.js'

const dependency = (name: string, check: Dependency['check'], required = true): Dependency => ({
  name,
  required,
  check,
})

t.test('health needs nothing; readiness names each dependency', async (t) => {
  const up = dependency('postgres', async () => true)
  const client = await serve(t, {
    dependencies: [
      up,
      dependency('broken', () => Promise.reject(new Error('no'))),
      dependency('throwing', () => {
        throw new Error('no')
      }),
      dependency('absent', async () => false),
    ],
  })
  t.match(await client.call('GET', '/health', { token: null }), { status: 200, body: { status: 'ok' } })
  t.match(await client.call('GET', '/ready', { token: null }), {
    status: 503,
    body: { checks: { postgres: 'up', broken: 'down', throwing: 'down', absent: 'down' } },
  })
})

t.test('a dependency that hangs is down after two seconds, and is asked once', async (t) => {
  let asked = 0
  const hanging = dependency('postgres', () => {
    asked += 1
    return new Promise(() => undefined)
  })
  const client = await serve(t, { dependencies: [hanging] })
  const before = performance.now()
  const answers = await Promise.all([1, 2, 3].map(() => client.call('GET', '/ready', { token: null })))
  t.ok(performance.now() - before < 10_000)
  for (const answer of answers) t.match(answer, { status: 503, body: { checks: { postgres: 'down' } } })
  t.equal(asked, 1)
})

t.test('an instance that stops is not ready; one without an optional dependency is', async (t) => {
  let stopping = false
  const client = await serve(t, {
    dependencies: [dependency('postgres', async () => true), dependency('redis', async () => false, false)],
    isShuttingDown: () => stopping,
  })
  t.match(await client.call('GET', '/ready'), {
    status: 200,
    body: { checks: { postgres: 'up', redis: 'down' } },
  })
  stopping = true
  t.match(await client.call('GET', '/ready'), { status: 503 })
  t.match(await client.call('GET', '/health'), { status: 200 })
})

t.test('metrics count what was refused, by code and nothing else', async (t) => {
  const client = await serve(t)
  await client.call('GET', '/api/v1/jobs/job_1')
  await client.call('GET', '/api/v1/jobs/job_1', { token: null })
  const answer = await client.call('GET', '/metrics', { token: null })
  t.match(answer.headers.get('content-type'), /^text\/plain/)
  t.match(answer.body, /notification_http_refused_total\{code="not_found"\} 1\n/)
  t.match(answer.body, /notification_http_refused_total\{code="unauthenticated"\} 1\n/)
})

t.test('stats are the tenant’s, and a store is asked once in five seconds', async (t) => {
  const asked: string[] = []
  const client = await serve(t, {
    stats: {
      read: async (tenantId) => {
        asked.push(tenantId)
        return [
          {
            channel: 'email',
            statuses: { sent: 8, failed: 1, suppressed: 4 },
            latencyP50Ms: 20,
            latencyP99Ms: 90,
          },
          {
            channel: 'websocket',
            statuses: { uncertain: 1, pending: 2 },
            latencyP50Ms: null,
            latencyP99Ms: null,
          },
        ]
      },
    },
  })
  const answers = await Promise.all([1, 2].map(() => client.call('GET', '/api/v1/stats?window=30m')))
  for (const answer of answers) {
    t.match(answer, {
      status: 200,
      body: {
        tenant_id: 't1',
        window: '30m',
        since: '2027-03-01T11:30:00.000Z',
        total: 16,
        success_rate: 0.8,
        statuses: { sent: 8, failed: 1, suppressed: 4, uncertain: 1, pending: 2 },
        channels: [
          { channel: 'email', total: 13, success_rate: 8 / 9, latency_p50_ms: 20, latency_p99_ms: 90 },
          { channel: 'websocket', total: 3, success_rate: 0, latency_p50_ms: null },
        ],
      },
    })
  }
  await client.call('GET', '/api/v1/stats?window=30m', { token: await token('svc', 't2', ['sender']) })
  t.same(asked, ['t1', 't2'])
  for (const window of ['25h', '1d', '0m', '1441m']) {
    t.match(await client.call('GET', `/api/v1/stats?window=${window}`), {
      status: 400,
      body: { errors: [{ field: '/window' }] },
    })
  }
})

t.test('stats that could not be read are read again', async (t) => {
  let fails = true
  const client = await serve(t, {
    stats: {
      read: async () => {
        if (fails) throw new Error('away')
        return []
      },
    },
  })
  t.equal((await client.call('GET', '/api/v1/stats')).status, 500)
  fails = false
  t.match(await client.call('GET', '/api/v1/stats'), { status: 200, body: { total: 0, success_rate: null } })
})

t.test('a broadcast goes out once a key', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  const body = { tenant_id: 't1', title: 'Maintenance', content: 'At ten', priority: 'critical' }
  const call = (change: object, key: string) =>
    client.call('POST', '/api/v1/broadcast', {
      body: { ...body, ...change },
      headers: { 'idempotency-key': key },
    })
  t.match(await client.call('POST', '/api/v1/broadcast', { body }), {
    status: 202,
    body: { status: 'broadcast' },
  })
  t.equal((await call({}, 'k')).status, 202)
  const again = await call({}, 'k')
  t.equal(again.headers.get('idempotency-replayed'), 'true')
  t.same(ports.broadcaster.sent, ['t1: Maintenance', 't1: Maintenance'])
  t.match(await call({ title: 'Other' }, 'k'), { status: 422 })
  t.match(await call({ title: undefined }, 'k2'), { status: 400, body: { errors: [{ field: '/title' }] } })
  t.match(await call({ metadata: { a: 'x'.repeat(17_000) } }, 'k2'), {
    status: 400,
    body: { errors: [{ field: '/metadata' }] },
  })
})
