import t from 'tap'
import { fingerprint } from '../../src/api/requests/idempotency.js'
import { InFlight } from '../../src/api/requests/in-flight.js'
import { Failure } from '../../src/model/failure.js'
import { memoryPorts } from './memory-ports.js'
import { type Answer, serve, token, VALID } from './support.js'

const SEND = '/api/v1/notifications/send'
const replayed = ({ headers }: Answer): boolean => headers.get('idempotency-replayed') === 'true'

t.test('a retry with the same key is answered again, however its JSON is written', async (t) => {
  const ports = memoryPorts()
  const client = await serve(t, ports)
  const headers = { 'idempotency-key': 'k-1' }
  const first = await client.call('POST', SEND, { body: { ...VALID, metadata: { a: 1, b: [2] } }, headers })
  const { tenant_id, ...rest } = VALID
  const again = await client.call('POST', SEND, {
    body: { metadata: { b: [2], a: 1 }, ...rest, tenant_id },
    headers,
  })
  t.same(again.body, first.body)
  t.notOk(replayed(first))
  t.ok(replayed(again))
  t.equal(ports.intake.submitted.length, 1)
  t.match(await client.call('POST', SEND, { body: { ...VALID, title: 'Other' }, headers }), {
    status: 422,
    body: { code: 'idempotency_mismatch' },
  })
  const other = { body: { ...VALID, tenant_id: 't2' }, token: await token('svc', 't2', ['sender']), headers }
  t.match(await client.call('POST', SEND, other), { status: 200 }, 'another tenant has keys of its own')
})

t.test('fifty requests at once with one key are one notification', async (t) => {
  const ports = memoryPorts()
  const waiting = gate()
  let submissions = 0
  const intake: typeof ports.intake = {
    submitted: ports.intake.submitted,
    async submit(request) {
      submissions += 1
      await waiting.opened
      // Not told of the key: only the API can have joined the requests.
      return ports.intake.submit(request, null)
    },
  }
  const headers = { 'idempotency-key': 'k-2' }
  let arrived = 0
  const client = await serve(t, {
    ...ports,
    intake,
    admission: () => {
      arrived += 1
      if (arrived === 51) waiting.open()
      return null
    },
  })
  const answers = Array.from({ length: 50 }, () => client.call('POST', SEND, { body: VALID, headers }))
  const mismatch = client.call('POST', SEND, { body: { ...VALID, title: 'Other' }, headers })
  const settled = await Promise.all(answers)
  const statuses = new Set(settled.map(({ status }) => status))
  t.equal(submissions, 1)
  t.same([...statuses], [200])
  t.equal(new Set(settled.map(({ body }) => JSON.stringify(body))).size, 1)
  t.equal(settled.filter(replayed).length, 49)
  t.match(await mismatch, { status: 422, body: { code: 'idempotency_mismatch' } })
})

t.test('a refused request does not use up its key', async (t) => {
  const ports = memoryPorts()
  const refusals = [new Failure('store_unavailable', 'the store is away')]
  const intake: typeof ports.intake = {
    submitted: ports.intake.submitted,
    submit: async (...args) => {
      const refusal = refusals.pop()
      if (refusal !== undefined) throw refusal
      return ports.intake.submit(...args)
    },
  }
  const client = await serve(t, { ...ports, intake })
  const headers = { 'idempotency-key': 'k-3' }
  t.equal((await client.call('POST', SEND, { body: { ...VALID, title: 5 }, headers })).status, 400)
  t.equal((await client.call('POST', SEND, { body: VALID, headers })).status, 503)
  const good = await client.call('POST', SEND, { body: VALID, headers })
  t.equal(good.status, 200)
  t.notOk(replayed(good))
})

t.test('a key is 1 to 255 visible ASCII characters', async (t) => {
  const client = await serve(t)
  for (const key of ['', 'a b', 'ü', 'x'.repeat(256)]) {
    const answer = await client.call('POST', SEND, { body: VALID, headers: { 'idempotency-key': key } })
    t.match(answer, {
      status: 400,
      body: { code: 'validation_failed', errors: [{ field: '/idempotency-key', message: /visible ASCII/ }] },
    })
  }
  const longest = { 'idempotency-key': 'x'.repeat(255) }
  t.equal((await client.call('POST', SEND, { body: VALID, headers: longest })).status, 200)
})

t.test('nothing stays in memory when the requests are done', async (t) => {
  const inFlight = new InFlight<number>()
  const key = { key: 'k', fingerprint: 'f' }
  t.same(await inFlight.join('t', key, async () => 1), { value: 1, replayed: false })
  await t.rejects(
    inFlight.join('t', key, () => Promise.reject(new Error('no'))),
    { message: 'no' },
  )
  t.equal(inFlight.size, 0)
})

t.test('a fingerprint tells values apart, not spellings', async (t) => {
  const of = (body: unknown) => fingerprint('send', body)
  t.equal(of({ a: 1, b: { c: [1, 2], d: null } }), of({ b: { d: null, c: [1, 2] }, a: 1 }))
  t.not(of({ a: [1, 2] }), of({ a: [2, 1] }))
  t.not(of({ a: '1' }), of({ a: 1 }))
  t.not(of({ a: { b: 1 } }), of({ a: {}, b: 1 }))
  t.not(of({}), fingerprint('batch', {}))
})

function gate() {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
