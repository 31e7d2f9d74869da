import fc from 'fast-check'
import t from 'tap'
import type { KafkaRecord } from '../../../src/model/dead-event.js'
import { type Event, type Reading, readEvent } from '../../../src/sources/kafka/event.js'
import { aRecord, CLOUD_EVENT } from '../../support/events.js'

const MAX_BYTES = 10_000
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const OTHER_TRACE = '00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01'
const STRUCTURED = {
  specversion: '1.0',
  id: '1234',
  source: '/orders',
  type: 'order.paid',
  subject: 'o1',
  time: '2027-01-01T00:00:00Z',
  data: { user_id: 'ada' },
}
const STRUCTURED_TYPE = { 'content-type': 'application/cloudevents+json; charset=UTF-8' }

const read = (record: Parameters<typeof aRecord>[0]): Reading => readEvent(aRecord(record), MAX_BYTES)

function event(record: Parameters<typeof aRecord>[0]): Event {
  const reading = read(record)
  if (reading.kind !== 'event') throw new Error(`no event: ${JSON.stringify(reading)}`)
  return reading
}

t.test('a plain event tells its type, or else its topic does', async (t) => {
  const value = { event_type: 'document.indexed', event_id: 'e1', user_id: 'ada' }
  t.match(event({ value, key: Buffer.from('ada'), topic: 'docs' }).facts, {
    event: { id: 'e1', type: 'document.indexed', source: null, topic: 'docs', key: 'ada' },
    data: value,
  })
  t.equal(event({ value: { user_id: 'ada' }, topic: 'docs' }).facts.event.type, 'docs')
  t.equal(event({ value: { event_type: 7 }, topic: 'docs' }).facts.event.type, 'docs')
  t.equal(event({ value, headers: { ce_type: 'doc.ready' } }).facts.event.type, 'doc.ready')
  t.equal(event({ value: Buffer.from('\ufeff{"event_type":"marked"}') }).facts.event.type, 'marked')
  t.equal(event({ value, key: Buffer.from([0xff]) }).facts.event.key, null, 'a key need be no text')
})

t.test('a CloudEvent is read in both modes, and they are the same event', async (t) => {
  const data = STRUCTURED.data
  const headers = { ...CLOUD_EVENT, ce_subject: 'o1', ce_time: '2027-01-01T00:00:00Z' }
  const facts = {
    id: '1234',
    type: 'order.paid',
    source: '/orders',
    subject: 'o1',
    time: '2027-01-01T00:00:00Z',
    topic: 'orders',
    key: null,
  }
  const binary = event({ headers, value: data })
  t.same(binary.facts, { event: facts, data })
  const others = [
    event({ headers: STRUCTURED_TYPE, value: STRUCTURED }),
    event({ value: STRUCTURED }),
    event({
      headers: STRUCTURED_TYPE,
      value: {
        ...STRUCTURED,
        data: undefined,
        data_base64: Buffer.from(JSON.stringify(data)).toString('base64'),
      },
    }),
  ]
  for (const other of others) {
    t.same(other.facts, { event: facts, data })
    t.equal(other.hash, binary.hash)
  }
})

t.test('the same event is known again by its id, another one is not taken for it', async (t) => {
  const hash = (record: Parameters<typeof aRecord>[0]) => event(record).hash
  const plain = { event_type: 'a', event_id: 'e1' }
  t.equal(hash({ value: plain }), hash({ value: { ...plain, more: 1 }, topic: 'mirror' }))
  t.not(hash({ value: plain }), hash({ value: { ...plain, event_id: 'e2' } }))
  t.not(hash({ value: plain }), hash({ value: { ...plain, event_type: 'b' } }))
  t.not(
    hash({ headers: CLOUD_EVENT, value: 1 }),
    hash({ headers: { ...CLOUD_EVENT, ce_source: '/x' }, value: 1 }),
  )

  const place = { partition: 1, offset: '9' }
  t.equal(hash({ ...place, value: { a: 1 } }), hash({ ...place, value: { a: 1 } }))
  t.not(hash({ ...place, value: { a: 1 } }), hash({ ...place, value: { a: 2 } }), 'a topic made anew')
  t.not(hash({ value: { a: 1 } }), hash({ value: { a: 1 } }), 'the same text at another place')
  t.equal(event({ ...place, value: { event_id: 7 } }).facts.event.id, 'orders-1-9', 'an id is a text')
})

t.test('a record without a value is no event, unless its headers are those of a CloudEvent', async (t) => {
  t.same(read({}), { kind: 'tombstone' })
  t.same(read({ headers: { ce_type: 'x', traceparent: TRACE } }), { kind: 'tombstone' })
  t.same(read({ headers: STRUCTURED_TYPE }), { kind: 'tombstone' })
  t.equal(event({ headers: CLOUD_EVENT }).facts.data, null)
  t.equal(event({ headers: CLOUD_EVENT, value: Buffer.alloc(0) }).facts.data, null)
})

t.test('the trace is that of the last hop, else that of the first; what is none is ignored', async (t) => {
  const value = { ...STRUCTURED, traceparent: OTHER_TRACE }
  t.equal(event({ value, headers: { traceparent: TRACE } }).traceparent, TRACE)
  t.equal(event({ value, headers: { traceparent: 'none' } }).traceparent, OTHER_TRACE)
  t.equal(event({ value: {}, headers: { ce_traceparent: OTHER_TRACE } }).traceparent, OTHER_TRACE)
  const wrong = [TRACE.replace('4bf9', '4BF9'), TRACE.replace(/^00/, 'ff'), `${TRACE}-more`, '']
  wrong.push(
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
  )
  for (const traceparent of wrong) t.equal(event({ value: {}, headers: { traceparent } }).traceparent, null)
})

t.test('what cannot be read says why and quotes nothing', async (t) => {
  const { data: _, id: __, ...withoutId } = STRUCTURED
  const cases: [Parameters<typeof aRecord>[0], string, RegExp][] = [
    [{ value: Buffer.from('{"secret": tru}') }, 'unreadable', /^the value is not JSON$/],
    [{ value: Buffer.alloc(0) }, 'unreadable', /not JSON/],
    [{ value: Buffer.from([0x22, 0xff, 0x22]) }, 'unreadable', /not UTF-8/],
    [{ value: 'x'.repeat(MAX_BYTES) }, 'payload_too_large', /10002 bytes are more than 10000/],
    [{ value: Buffer.from('{"__proto__":{"admin":true}}') }, 'unreadable', /__proto__/],
    [{ value: Buffer.from('{"a":[{"\\u005f_proto__":1}]}') }, 'unreadable', /__proto__/],
    [{ value: Buffer.from('{"constructor":{"prototype":1}}') }, 'unreadable', /prototype/],
    [{ value: { event_type: 'a\u0000b' } }, 'unreadable', /event type/],
    [{ value: { event_type: 'x'.repeat(256) } }, 'unreadable', /event type/],
    [
      { value: {}, headers: { ...CLOUD_EVENT, ce_specversion: '0.3' } },
      'unreadable',
      /ce_specversion must be 1\.0/,
    ],
    [
      { value: {}, headers: { ...CLOUD_EVENT, 'content-type': 'application/avro' } },
      'unreadable',
      /must be JSON/,
    ],
    [
      { value: {}, headers: { 'content-type': 'application/cloudevents+avro' } },
      'unreadable',
      /cloudevents\+json/,
    ],
    [
      { value: [], headers: { 'content-type': 'application/cloudevents-batch+json' } },
      'unreadable',
      /cloudevents\+json/,
    ],
    [{ value: withoutId, headers: STRUCTURED_TYPE }, 'unreadable', /the CloudEvent has no id/],
    [{ value: { ...STRUCTURED, specversion: '2.0' }, headers: STRUCTURED_TYPE }, 'unreadable', /specversion/],
    [
      { value: { ...STRUCTURED, data_base64: 'bm8=' }, headers: STRUCTURED_TYPE },
      'unreadable',
      /data_base64 is not JSON/,
    ],
  ]
  for (const [record, reason, detail] of cases) t.match(read(record), { kind: 'unreadable', reason, detail })
  t.match(
    read({ value: Buffer.from('no'), headers: { ...CLOUD_EVENT, traceparent: TRACE } }),
    { eventId: '1234', eventType: 'order.paid', traceparent: TRACE },
    'what the headers tell is kept',
  )
})

t.test('words that look like prototypes are harmless as values', async (t) => {
  const value = {
    name: '__proto__',
    text: 'the constructor',
    constructor: { name: 'Ferrari' },
    é: 'caf\u00e9',
  }
  t.same(event({ value }).facts.data, value)
})

t.test('deep nesting is read and harms nobody', async (t) => {
  const deep = Buffer.from(`{"__proto_":${'['.repeat(4_000)}"constructor"${']'.repeat(4_000)}}`)
  t.equal(event({ value: deep }).facts.event.type, 'orders')
})

t.test('no record whatsoever makes it throw', async (t) => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.json().map((text) => Buffer.from(text)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  )
  const name = fc.oneof(
    fc.constantFrom(
      'content-type',
      'traceparent',
      'ce_id',
      'ce_source',
      'ce_type',
      'ce_specversion',
      '__proto__',
    ),
    fc.string(),
  )
  const value = fc.oneof(
    fc
      .constantFrom('1.0', 'application/json', 'application/cloudevents+json', TRACE)
      .map((text) => Buffer.from(text)),
    bytes,
  )
  const record: fc.Arbitrary<KafkaRecord> = fc.record({
    topic: fc.constant('orders'),
    partition: fc.nat(),
    offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.array(fc.tuple(name, value)),
  })
  fc.assert(
    fc.property(record, (one) => {
      const first = readEvent(one, 150)
      t.same(readEvent(one, 150), first)
      return first.kind !== 'event' || first.hash.length === 43
    }),
    { numRuns: 500 },
  )
})
