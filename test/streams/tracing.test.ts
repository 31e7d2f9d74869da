import t, { type Test } from 'tap'
import type { Notification } from '../../src/model/notification.js'
import { DeliveryFailure } from '../../src/model/outcome.js'
import { UNKNOWN } from '../../src/model/recipient.js'
import { parseTraceparent, traceIdOf } from '../../src/model/trace.js'
import { runningStreams, type Surroundings } from '../support/streams.js'
import { traced } from '../support/traced.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const SAMPLED = `00-${TRACE}-${PARENT}-01`
const NOBODY = '0af7651916cd43dd8448eb211c80319c'
const UNSAMPLED = `00-${NOBODY}-${PARENT}-00`

/** Streams that are traced, over a provider that keeps what it was given and fails the first attempt of who is told to. */
async function stand(t: Test, surroundings: Surroundings & { readonly fails?: boolean } = {}) {
  const { fails = false, ...others } = surroundings
  const {
    collector,
    exported,
    telemetry: { tracing },
  } = await traced(t)
  const sent: Notification[] = []
  const send = async (notification: Notification) => {
    sent.push(notification)
    if (fails && notification.attempt === 1)
      throw new DeliveryFailure('unavailable', 'not now', { retryable: true, provider: 'one' })
    return { provider: 'two' }
  }
  return { ...(await runningStreams(t, send, { ...others, tracing })), collector, exported, sent }
}

t.test('each attempt comes of the acceptance, and what the provider is given of the attempt', async (t) => {
  const { submit, ended, row, collector, sent, until, telemetry } = await stand(t, { fails: true })
  const { id } = await submit({ traceparent: SAMPLED, priority: 'high' })
  const { traceparent } = await ended(id, 'sent')
  const spans = await collector.trace(TRACE, 4)
  const [accept, again] = spans.filter(({ name }) => name === 'accept')
  t.match(accept, {
    parentId: PARENT,
    kind: 'INTERNAL',
    attributes: {
      'notification.id': id,
      'notification.tenant_id': 'acme',
      'notification.priority': 'high',
      'notification.origin': 'new',
      'notification.status': 'pending',
    },
  })
  t.equal(parseTraceparent(traceparent)?.spanId, accept?.spanId, 'the row remembers the acceptance')
  t.match(again, { parentId: accept?.spanId, attributes: { 'notification.origin': 'due' } })
  const attempts = spans.filter(({ kind }) => kind === 'CLIENT')
  const [first, second] = attempts
  t.match(first, {
    parentId: accept?.spanId,
    failed: true,
    attributes: {
      'notification.attempt': 1,
      'notification.result': 'failed',
      'notification.retryable': true,
      'notification.provider': 'one',
      'error.type': 'unavailable',
    },
  })
  t.match(second, {
    parentId: accept?.spanId,
    failed: false,
    attributes: {
      'notification.attempt': 2,
      'notification.result': 'sent',
      'notification.provider': 'two',
    },
  })
  for (const span of attempts) {
    const waited = Number(span.attributes['notification.queue.wait_ms'])
    t.ok(waited >= 0 && waited < 10_000, `${waited} ms in the queue`)
  }
  t.same(
    sent.map((one) => parseTraceparent(one.traceparent ?? '')?.spanId),
    attempts.map(({ spanId }) => spanId),
  )
  t.notMatch(JSON.stringify(spans), /example\.org|"ada"/)
  const told = () => telemetry.lines.filter(({ event }) => event === 'notification.sent')
  await until(() => told().length === 1)
  t.match(told(), [{ trace_id: TRACE }])
  t.equal((await row(id)).traceparent, traceparent)
})

t.test(
  'what is not sampled leaves nothing but goes on, and what nobody traces begins a trace here',
  async (t) => {
    const { submit, ended, exported, sent } = await stand(t)
    const { id } = await submit({ traceparent: UNSAMPLED })
    t.match(await ended(id, 'sent'), { traceparent: UNSAMPLED })
    t.match(sent, [{ traceparent: UNSAMPLED }])
    const other = await submit({ channel: 'in_app' })
    const { traceparent } = await ended(other.id, 'sent')
    const spans = await exported()
    t.match(spans, [
      {
        name: 'accept',
        parentId: null,
        traceId: traceIdOf(traceparent),
        attributes: { 'notification.status': 'sent' },
      },
    ])
    t.equal(spans.length, 1)
  },
)

t.test('what was decided or refused is told', async (t) => {
  const { submit, exported } = await stand(t)
  await submit({ traceparent: SAMPLED, notificationType: 'marketing' })
  await t.rejects(submit({ traceparent: SAMPLED, templateId: 'tmpl_none', title: '', content: '' }))
  const [suppressed, refused] = await exported()
  t.match(suppressed, { failed: false, attributes: { 'notification.status': 'suppressed' } })
  t.type(suppressed?.attributes['notification.reason'], 'string')
  t.match(refused, { failed: true, attributes: { 'error.type': 'template_not_found' } })
})

t.test('a digest begins a trace that refers to those of its members', async (t) => {
  const daily = [
    { scope: 'group', name: 'activity', channel: null, enabled: true, frequency: 'daily' },
  ] as const
  const recipient = () => ({ ...UNKNOWN, timezone: 'Asia/Shanghai', subscriptions: daily })
  const { submit, ended, collector, sent, pool } = await stand(t, { recipient })
  const traces = ['a', 'b'].map((digit) => digit.repeat(32))
  const members = [
    ...(await Promise.all(
      traces.map((trace) => submit({ notificationType: 'news', traceparent: `00-${trace}-${PARENT}-01` })),
    )),
    await submit({ notificationType: 'news', traceparent: UNSAMPLED }),
  ]
  await pool.query(`UPDATE notifications SET due_at = now() WHERE reason = 'digest'`)
  for (const { id } of members) await ended(id, 'sent')
  const [digest] = sent
  const spans = await collector.trace(traceIdOf(digest?.traceparent ?? null) ?? '', 3)
  const collected = spans.find(({ name }) => name === 'collect digest')
  t.match(collected, {
    parentId: null,
    attributes: { 'notification.id': digest?.id, 'notification.digest.members': 3 },
  })
  t.same(collected?.links.toSorted(), [NOBODY, ...traces].toSorted())
  for (const name of ['accept', 'deliver webhook'])
    t.match(
      spans.find((span) => span.name === name),
      { parentId: collected?.spanId },
    )
})
