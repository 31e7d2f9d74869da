import t from 'tap'
import type { KafkaRecord } from '../../../src/model/dead-event.js'
import { Failure } from '../../../src/model/failure.js'
import { handlingOf } from '../../../src/sources/kafka/handle.js'
import { compileRoutes } from '../../../src/sources/kafka/routes.js'
import type { SubmitEvent } from '../../../src/sources/kafka/submit.js'
import { traced } from '../../support/traced.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`
const OPTIONS = { defaultTenant: 'acme', dedupeMs: 1_000, maxBytes: 1_000, inFlight: 10 }
const ENTRY = { user_id: '=data.user_id', channel: 'in_app' }

const routing = compileRoutes([
  {
    name: 'order',
    event: 'order.paid',
    topics: null,
    when: null,
    notifications: [{ name: '0', fields: new Map(Object.entries(ENTRY)) }],
  },
])

const record = (event: object, headers: KafkaRecord['headers'] = []): KafkaRecord => ({
  topic: 'orders',
  partition: 3,
  offset: '42',
  key: null,
  value: Buffer.from(JSON.stringify(event)),
  headers,
})

t.test(
  'an event is worked on in the trace of its producer, and what comes of it comes of that',
  async (t) => {
    const { telemetry, exported } = await traced(t)
    const given: (string | null)[] = []
    const submit: SubmitEvent = async ({ user_id }, { traceparent }) => {
      given.push(traceparent)
      if (user_id === 'bob') throw new Failure('validation_failed', 'no')
      if (user_id === 'eve') throw new Failure('store_unavailable', 'away')
    }
    const handle = handlingOf({ routing, submit, telemetry }, OPTIONS)
    const header = [['traceparent', Buffer.from(TRACEPARENT)]] as const
    const paid = (user_id: string) => record({ event_type: 'order.paid', user_id }, header)
    for (const user of ['ada', 'bob', 'eve']) await handle([paid(user)])
    await handle([record({ event_type: 'order.lost' }, header)])
    const spans = await exported()
    t.match(spans, [
      {
        name: 'process orders',
        kind: 'CONSUMER',
        traceId: TRACE,
        parentId: PARENT,
        failed: false,
        attributes: {
          'messaging.system': 'kafka',
          'messaging.destination.name': 'orders',
          'messaging.destination.partition.id': '3',
          'messaging.kafka.offset': 42,
          'notification.event_type': 'order.paid',
          'notification.event_result': 'done',
          'notification.accepted': 1,
        },
      },
      {
        failed: true,
        attributes: { 'notification.event_result': 'poison', 'error.type': 'validation_failed' },
      },
      {
        failed: true,
        attributes: { 'notification.event_result': 'unavailable', 'error.type': 'unavailable' },
      },
    ])
    t.equal(spans.length, 3, 'what no route wants leaves nothing')
    t.same(
      given,
      spans.map(({ spanId }) => `00-${TRACE}-${spanId}-01`),
    )
    t.notMatch(JSON.stringify(spans), /ada|bob/)
  },
)

t.test('an event that is not recorded', async (t) => {
  const { telemetry, exported } = await traced(t)
  const given: (string | null)[] = []
  const submit: SubmitEvent = async (_, { traceparent }) => given.push(traceparent)
  const silent = `00-${TRACE}-${PARENT}-00`
  const handle = handlingOf({ routing, submit, telemetry }, OPTIONS)
  await handle([record({ event_type: 'order.paid' }, [['traceparent', Buffer.from(silent)]])])
  t.same([given, await exported()], [[silent], []])
})
