import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parseTraceparent, traceIdOf } from '../../src/model/trace.js'
import { openTracing } from '../../src/telemetry/open-tracing.js'
import type { TracingOptions } from '../../src/telemetry/otlp/options.js'
import { NO_TRACING } from '../../src/telemetry/tracing.js'
import { Collector } from '../support/otlp.js'
import { recordedTelemetry } from '../support/telemetry.js'
import { eventually } from '../support/waiting.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const SAMPLED = `00-${TRACE}-${PARENT}-01`
const NOTHING = () => ({})
const UNSAMPLED = `00-${TRACE}-${PARENT}-00`

async function stand(t: Test, changes: Partial<TracingOptions> = {}) {
  const collector = await Collector.start(t)
  const telemetry = recordedTelemetry()
  const options = {
    endpoint: collector.endpoint,
    headers: { authorization: 'Bearer abc' },
    serviceName: 'notify',
    version: '1.2.3',
    sampleRatio: 1,
    exportTimeoutMs: 200,
    ...changes,
  }
  const tracing = await openTracing(options, telemetry)
  t.teardown(() => tracing.close())
  const count = async (result: string) => {
    const { values } = await telemetry.metrics.spans.get()
    return values.find(({ labels }) => labels.result === result)?.value ?? 0
  }
  const events = () => telemetry.lines.map(({ event }) => event)
  return { collector, tracing, telemetry, count, events }
}

t.test('without an endpoint there is nothing', async (t) => {
  t.equal(await openTracing(null, recordedTelemetry()), NO_TRACING)
  t.equal(NO_TRACING.start('accept', 'internal', SAMPLED), null)
  await NO_TRACING.close()
})

t.test('a span goes on with the trace of its parent', async (t) => {
  const { collector, tracing, count } = await stand(t)
  const span = tracing.start('accept', 'internal', SAMPLED)
  const child = tracing.start('deliver email', 'client', span?.traceparent ?? null)
  child?.end('timeout', () => ({ 'notification.id': 'n1', attempt: 2, late: false, nothing: null }))
  span?.end(null, NOTHING)
  span?.end('again', () => ({ again: true }))
  await tracing.close()
  const [second, first] = collector.spans
  const spanId = parseTraceparent(span?.traceparent ?? '')?.spanId
  t.match(first, {
    traceId: TRACE,
    spanId,
    parentId: PARENT,
    name: 'accept',
    kind: 'INTERNAL',
    failed: false,
    links: [],
  })
  t.same(first?.attributes, {})
  t.match(second, { traceId: TRACE, parentId: spanId, name: 'deliver email', kind: 'CLIENT', failed: true })
  t.same(second?.attributes, { 'notification.id': 'n1', attempt: 2, late: false, 'error.type': 'timeout' })
  t.match(second?.resource, { 'service.name': 'notify', 'service.version': '1.2.3' })
  t.match(collector.requests, [{ path: '/v1/traces', headers: { authorization: 'Bearer abc' } }])
  t.equal(await count('exported'), 2)
})

t.test('the sender decides whether a trace is recorded', async (t) => {
  const { collector, tracing } = await stand(t)
  t.equal(tracing.start('accept', 'internal', UNSAMPLED), null)
  await tracing.close()
  t.same(collector.spans, [])
})

t.test('of the traces that begin here a share is recorded, and what follows keeps to that', async (t) => {
  const { collector, tracing } = await stand(t, { sampleRatio: 0.25 })
  const begun = Array.from({ length: 2_000 }, () => tracing.start('accept', 'internal', null))
  const ids = new Set(begun.map((span) => traceIdOf(span?.traceparent ?? null)))
  t.equal(ids.size, 2_000, 'each has a trace of its own')
  for (const span of begun) span?.end(null, NOTHING)
  const recorded = begun.filter((span) => parseTraceparent(span?.traceparent ?? '')?.sampled)
  t.ok(recorded.length > 400 && recorded.length < 600, `${recorded.length} of 2000`)
  const silent = begun.find((span) => !recorded.includes(span))
  t.equal(tracing.start('deliver', 'client', silent?.traceparent ?? null), null)
  await tracing.close()
  t.equal(collector.spans.length, recorded.length)
  t.ok(collector.spans.every(({ parentId }) => parentId === null))
})

t.test('what comes of a trace that is recorded refers to it, and is recorded, too', async (t) => {
  const { collector, tracing } = await stand(t, { sampleRatio: 0 })
  const other = `00-${'a'.repeat(32)}-${PARENT}-00`
  tracing.start('collect digest', 'internal', null, [other])?.end(null, NOTHING)
  tracing.start('collect digest', 'internal', null, [other, SAMPLED])?.end(null, NOTHING)
  await tracing.close()
  t.match(collector.spans, [{ parentId: null, links: ['a'.repeat(32), TRACE] }])
  t.equal(collector.spans.length, 1)
})

t.test('a collector that is lost is told of once, and once when it is back', async (t) => {
  const { collector, tracing, count, events } = await stand(t)
  const one = () => tracing.start('accept', 'internal', null)?.end(null, NOTHING)
  collector.answer = 400
  for (const requests of [1, 2]) {
    one()
    await collector.until(() => collector.requests.length === requests, 'a request')
    await eventually(async () => (await count('failed')) === requests, 'the failure')
  }
  collector.answer = 200
  one()
  await collector.until(() => collector.spans.length === 1, 'a span')
  await tracing.close()
  t.same(events(), ['tracing.started', 'tracing.export_failed', 'tracing.export_recovered'])
  t.equal(await count('exported'), 1)
})

t.test('what a collector does not take in time is dropped, and a stop does not wait for it', async (t) => {
  const { collector, tracing, count, telemetry } = await stand(t, { exportTimeoutMs: 10_000 })
  collector.answer = 'hang'
  for (let n = 0; n < 20_000; n += 1) tracing.start('accept', 'internal', null)?.end(null, NOTHING)
  const dropped = await count('dropped')
  t.ok(dropped > 11_000 && dropped <= 20_000 - 8_192, `${dropped} are dropped`)
  await delay(0)
  const begun = performance.now()
  await tracing.close()
  t.ok(performance.now() - begun < 3_000)
  t.notMatch(JSON.stringify(telemetry.lines), /Bearer/)
})
