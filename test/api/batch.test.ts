import t from 'tap'
import { Failure, type FailureCode } from '../../src/model/failure.js'
import { type MemoryPorts, memoryPorts } from './memory-ports.js'
import { type Client, serve, token } from './support.js'

const BATCH = '/api/v1/notifications/batch'
const BASE = { tenant_id: 't1', channel: 'in_app', title: 'Hello', content: 'World' } as const
const users = (count: number): string[] => Array.from({ length: count }, (_, n) => `u${n}`)

const post = (client: Client, body: object, key?: string) =>
  client.call('POST', BATCH, { body, ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }) })

const jobOf = (body: unknown): string =>
  typeof body === 'object' && body !== null && 'job_id' in body ? String(body.job_id) : ''

t.test('a thousand users get one notification each, and the job says how far it is', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  const answer = await post(client, { ...BASE, user_ids: [...users(1_000).slice(0, 999), 'u0'] })
  t.match(answer, {
    status: 200,
    body: {
      job_id: /^job_/,
      total_users: 999,
      status: 'completed',
      created_at: /Z$/,
      accepted: 999,
      refused: [],
    },
  })
  const id = jobOf(answer.body)
  t.equal(ports.intake.submitted.length, 999)
  t.ok(ports.intake.submitted.every(({ jobId }) => jobId === id))
  t.same(await client.call('GET', `/api/v1/jobs/${id}`).then(({ body }) => body), {
    job_id: id,
    total_users: 999,
    status: 'completed',
    progress: 1,
    statuses: { sent: 999 },
    refused: {},
    created_at: Object(answer.body).created_at,
  })
  const stranger = await token('svc', 't2', ['sender'])
  t.match(await client.call('GET', `/api/v1/jobs/${id}`, { token: stranger }), { status: 404 })
})

t.test('recipients have variables and metadata of their own', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  const answer = await post(client, {
    ...BASE,
    variables: { week: 4, name: 'all' },
    metadata: { campaign: 'c' },
    recipients: [{ user_id: 'a', variables: { name: 'A' }, metadata: { x: 1 } }, { user_id: 'b' }],
  })
  t.equal(answer.status, 200)
  t.match(ports.intake.submitted, [
    { userId: 'a', variables: { week: 4, name: 'A' }, metadata: { campaign: 'c', x: 1 } },
    { userId: 'b', variables: { week: 4, name: 'all' }, metadata: { campaign: 'c' } },
  ])
})

t.test('who is refused is named, and the rest is not held back', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, refusing(ports, { c: 'variable_missing' }))
  const answer = await post(client, {
    ...BASE,
    channel: 'email',
    recipients: [
      { user_id: 'a', metadata: { email: 'a@example.com' } },
      { user_id: 'b', metadata: { email: 5 } },
      { user_id: 'c', metadata: { email: 'c@example.com' } },
    ],
  })
  t.match(answer, {
    status: 200,
    body: {
      total_users: 3,
      accepted: 1,
      status: 'processing',
      refused: [
        { user_id: 'b', code: 'invalid_address', detail: /\/recipients\/1\/metadata\/email/ },
        { user_id: 'c', code: 'variable_missing' },
      ],
    },
  })
  t.match(await client.call('GET', `/api/v1/jobs/${jobOf(answer.body)}`), {
    body: { progress: 2 / 3, refused: { invalid_address: 1, variable_missing: 1 }, statuses: { pending: 1 } },
  })
})

t.test('when nobody can be served for one reason, that is the answer and no job stays', async (t) => {
  for (const [code, status] of [
    ['template_not_found', 400],
    ['store_unavailable', 503],
  ] as const) {
    const ports = memoryPorts()
    const client = await serve(t, refusing(ports, { u0: code, u1: code }))
    t.match(await post(client, { ...BASE, user_ids: users(2) }), { status, body: { code } })
    t.equal(ports.jobs.jobs.size, 0)
  }
  const client = await serve(t)
  t.match(await post(client, { ...BASE, channel: 'email', metadata: { email: 5 }, user_ids: users(2) }), {
    status: 400,
    body: { code: 'invalid_address', errors: [{ field: '/metadata/email' }] },
  })
})

t.test('a retry with the same key submits only what is missing', async (t) => {
  const ports = memoryPorts()
  const refusals: Record<string, FailureCode> = { u1: 'overloaded' }
  const client = await serve(t, refusing(ports, refusals))
  const body = { ...BASE, user_ids: users(3) }
  const first = await post(client, body, 'k')
  t.match(first, { status: 200, body: { accepted: 2, refused: [{ user_id: 'u1', code: 'overloaded' }] } })
  delete refusals.u1
  const second = await post(client, body, 'k')
  t.match(second, { status: 200, body: { job_id: jobOf(first.body), accepted: 3, refused: [] } })
  t.equal(second.headers.get('idempotency-replayed'), 'true')
  t.same(ports.intake.submitted.map(({ userId }) => userId).sort(), ['u0', 'u1', 'u2'])
  t.match(await post(client, { ...body, title: 'Other' }, 'k'), { status: 422 })
  const together = await Promise.all([post(client, body, 'k2'), post(client, body, 'k2')])
  t.equal(new Set(together.map(({ body }) => jobOf(body))).size, 1)
  t.equal(ports.intake.submitted.length, 6)
})

t.test('an accident with one user is ours, and is told apart from a refusal', async (t) => {
  const ports = memoryPorts()
  const intake: MemoryPorts['intake'] = {
    submitted: ports.intake.submitted,
    submit: async (request, key) => {
      if (request.userId === 'u0') throw new TypeError('secret detail')
      return ports.intake.submit(request, key)
    },
  }
  const client = await serve(t, { ...ports, intake })
  const answer = await post(client, { ...BASE, user_ids: users(2) })
  t.match(answer, { status: 200, body: { accepted: 1, refused: [{ user_id: 'u0', code: 'internal' }] } })
  t.notMatch(JSON.stringify(answer.body), /secret detail/)
})

t.test('what is wrong is named', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  const cases: [object, string][] = [
    [{}, '/user_ids'],
    [{ user_ids: ['a'], recipients: [{ user_id: 'a' }] }, '/user_ids'],
    [{ user_ids: [] }, '/user_ids'],
    [{ user_ids: users(1_001) }, '/user_ids'],
    [{ recipients: users(1_001).map((user_id) => ({ user_id })) }, '/recipients'],
    [{ user_ids: ['a', 7] }, '/user_ids/1'],
    [{ user_ids: ['a', ''] }, '/user_ids/1'],
    [{ recipients: [{ user_id: 'a' }, { user_id: 'a' }] }, '/recipients/1/user_id'],
    [{ recipients: [{ user_id: 'a', email: 'a@example.com' }] }, '/recipients/0/email'],
    [{ recipients: [{ user_id: 'a', metadata: { x: 'x'.repeat(17_000) } }] }, '/recipients/0/metadata'],
    [{ user_ids: ['a'], title: undefined }, '/title'],
    [{ user_ids: ['a'], user_id: 'a' }, '/user_id'],
  ]
  for (const [change, field] of cases) {
    const answer = await post(client, { ...BASE, ...change })
    t.match(answer, { status: 400, body: { code: 'validation_failed', errors: [{ field }] } }, field)
  }
  const large = { ...BASE, user_ids: ['a'], content: 'x'.repeat(9 * 1024 * 1024) }
  t.match(await post(client, large), { status: 413, body: { code: 'payload_too_large' } })
  const within = await post(client, {
    ...BASE,
    user_ids: ['a'],
    variables: { text: 'x'.repeat(2 * 1024 * 1024) },
  })
  t.equal(within.status, 200, 'a batch may be larger than one send')
  t.equal(ports.jobs.jobs.size, 1)
})

/** Ports whose intake refuses the named users. */
function refusing(ports: MemoryPorts, refusals: Readonly<Record<string, FailureCode>>): MemoryPorts {
  return {
    ...ports,
    intake: {
      submitted: ports.intake.submitted,
      submit: async (request, key) => {
        const code = refusals[request.userId]
        if (code !== undefined) throw new Failure(code, 'no')
        return ports.intake.submit(request, key)
      },
    },
  }
}
