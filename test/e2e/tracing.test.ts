import t from 'tap'
import type { BatchAnswer } from '../../src/api/schemas/batch.js'
import { parseTraceparent, traceIdOf } from '../../src/model/trace.js'
import { startDaemon } from '../support/daemon.js'
import { checkLog, MARK } from '../support/marks.js'
import { Collector, type ExportedSpan } from '../support/otlp.js'
import { type Received, WebhookReceiver } from '../support/receivers.js'

const PARENT = '00f067aa0ba902b7'
const SERVER = 'POST /api/v1/notifications/send'
/** A stop of a daemon with little to do, and the time that the last spans have. */
const STOP_MS = 8_000

const collector = await Collector.start(t)
const daemon = await startDaemon(t, {
  config: {
    quiet_hours: { enabled: false },
    rate_limit: { enabled: false },
    channels: { webhook: { tries: 1, retry: { delays: ['1s'], jitter: 0 } } },
  },
  env: {
    LOG_LEVEL: 'debug',
    WEBHOOK_ALLOW_PRIVATE: 'true',
    OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.base}/`,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc,x-team=notify',
    OTEL_EXPORTER_OTLP_TIMEOUT: '900',
    OTEL_SERVICE_NAME: 'notify',
  },
})
const service = await daemon.sender()
let traces = 0
/** A trace of a producer, recorded by it or not. */
function producer(flags: '00' | '01' = '01') {
  traces += 1
  const traceId = `${traces}`.padStart(32, 'a')
  return { traceId, headers: { traceparent: `00-${traceId}-${PARENT}-${flags}` } }
}
const named = (spans: readonly ExportedSpan[], name: string) => spans.filter((span) => span.name === name)
const parentOf = ({ headers }: Received) => parseTraceparent(`${headers.traceparent}`)

t.test('one trace from the producer to the receiver', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const { traceId, headers } = producer()
  const { body } = await service.send({ ...receiver.target, priority: 'critical' }, headers)
  const received = await receiver.got(body.id)
  const spans = await collector.trace(traceId, 3)
  const [server] = named(spans, SERVER)
  const [accept] = named(spans, 'accept')
  const [deliver] = named(spans, 'deliver webhook')
  t.match(server, {
    parentId: PARENT,
    kind: 'SERVER',
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/api/v1/notifications/send',
      'http.response.status_code': 200,
    },
    resource: { 'service.name': 'notify' },
  })
  t.match(accept, {
    parentId: server?.spanId,
    attributes: { 'notification.id': body.id, 'notification.channel': 'webhook' },
  })
  t.match(deliver, { parentId: accept?.spanId, attributes: { 'notification.result': 'sent' } })
  t.same(parentOf(received), { traceId, spanId: deliver?.spanId, sampled: true })
  t.notMatch(JSON.stringify(spans), new RegExp(`${MARK}|ada|127\\.0\\.0\\.1`))
  t.match(collector.requests[0], {
    path: '/v1/traces',
    headers: { authorization: 'Bearer abc', 'x-team': 'notify' },
  })
})

t.test('attempts are siblings, and a failed one says why', async (t) => {
  const receiver = await WebhookReceiver.start(t, (_, time) => (time === 1 ? 503 : 200))
  const { traceId, headers } = producer()
  const { body } = await service.send(receiver.target, headers)
  const spans = await collector.trace(traceId, 5)
  const [accept] = named(spans, 'accept').filter(
    ({ attributes }) => attributes['notification.origin'] === 'new',
  )
  const attempts = named(spans, 'deliver webhook')
  t.match(attempts, [
    { parentId: accept?.spanId, failed: true, attributes: { 'error.type': 'unavailable' } },
    { parentId: accept?.spanId, failed: false, attributes: { 'notification.attempt': 2 } },
  ])
  t.same(
    receiver.requests.map((received) => parentOf(received)?.spanId),
    attempts.map(({ spanId }) => spanId),
  )
  t.match(await service.final(body.id), { status: 'sent' })
})

t.test('what the producer does not record is not recorded here, and its trace goes on', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const silent = producer('00')
  const { body } = await service.send(receiver.target, silent.headers)
  t.equal((await receiver.got(body.id)).headers.traceparent, silent.headers.traceparent)
  await service.final(body.id)
  const heard = producer()
  await service.send({}, heard.headers)
  await collector.trace(heard.traceId, 2)
  t.same(
    collector.spans.filter(({ traceId }) => traceId === silent.traceId),
    [],
  )
})

t.test('a batch that nobody traces, and a traceparent that is none', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  const users = ['u1', 'u2', 'u3']
  const message = service.message({ ...receiver.target, user_ids: users })
  const none = { traceparent: `ff-${'1'.repeat(32)}-${PARENT}-01` }
  await service.post<BatchAnswer>('/api/v1/notifications/batch', message, none)
  await receiver.until(() => receiver.counts.size === users.length, 'all of them')
  const traceId = traceIdOf(`${receiver.requests[0]?.headers.traceparent}`)
  const spans = await collector.trace(`${traceId}`, 7)
  const [server] = named(spans, 'POST /api/v1/notifications/batch')
  t.match(server, { parentId: null, kind: 'SERVER' })
  t.same(
    named(spans, 'accept').map(({ parentId }) => parentId),
    users.map(() => server?.spanId),
  )
  const lines = daemon.lines.filter(({ trace_id }) => trace_id === traceId)
  t.equal(lines.filter(({ event }) => event === 'notification.accepted').length, users.length)
})

t.test(
  'hours later and in another process it is the same trace; a stop hands over the last spans',
  async (t) => {
    const receiver = await WebhookReceiver.start(t)
    const { traceId, headers } = producer()
    const scheduled_at = new Date(Date.now() + 4_000).toISOString()
    const { body } = await service.send({ ...receiver.target, scheduled_at }, headers)
    t.match(await daemon.term(), { code: 0 })
    const before = await collector.trace(traceId, 2)
    const [accept] = named(before, 'accept')
    t.match(accept?.attributes, { 'notification.reason': 'scheduled' })
    await daemon.restart()
    const received = await receiver.got(body.id)
    const after = (await collector.trace(traceId, 4)).slice(2)
    t.match(after, [
      { name: 'accept', parentId: accept?.spanId },
      { name: 'deliver webhook', parentId: accept?.spanId },
    ])
    const ids = [...before, ...after].map(({ resource }) => resource['process.pid'])
    t.equal(new Set(ids).size, 2)
    t.same(parentOf(received), { traceId, spanId: after[1]?.spanId, sampled: true })
  },
)

t.test('without a collector everything goes on, and a stop does not wait for it', async (t) => {
  const receiver = await WebhookReceiver.start(t)
  collector.answer = 503
  const { body } = await service.send(receiver.target, producer().headers)
  await receiver.got(body.id)
  await daemon.logged('tracing.export_failed')
  collector.answer = 'hang'
  await Promise.all(Array.from({ length: 50 }, () => service.accepted(receiver.target)))
  await receiver.until(() => receiver.counts.size === 51, 'all of them')
  const begun = performance.now()
  t.match(await daemon.term(), { code: 0 })
  const took = Math.round(performance.now() - begun)
  t.ok(took < STOP_MS, `stopped in ${took} ms`)
  t.equal(daemon.lines.filter(({ event }) => event === 'tracing.export_failed').length, 1)
  checkLog(t, daemon)
})
