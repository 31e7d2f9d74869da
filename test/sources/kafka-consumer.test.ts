import kafkajs, { type Message } from 'kafkajs'
import t, { type Test } from 'tap'
import type { KafkaRecord } from '../../src/model/dead-event.js'
import { installCodecs } from '../../src/sources/kafka/codecs/install.js'
import { KafkaConsumer } from '../../src/sources/kafka/consumer.js'
import { PORTION } from '../../src/sources/kafka/portions.js'
import type { KafkaSettings } from '../../src/sources/kafka/ports.js'
import { EventStore, type TestEvent } from '../support/event-store.js'
import { KafkaBench } from '../support/kafka.js'
import { COMPRESSED_BATCHES, COMPRESSED_VALUES } from '../support/kafka-batches.js'
import { recordedTelemetry } from '../support/telemetry.js'
import { eventually, Gate } from '../support/waiting.js'

const store = await EventStore.start(t)
const bench = await KafkaBench.open(t)
const LOOK_MS = 400

interface Reading {
  readonly topics: readonly string[]
  readonly groupId?: string
  readonly settings?: Partial<KafkaSettings>
  readonly handle?: EventStore['handle']
  readonly deadLetters?: Pick<EventStore, 'add'>
}

/** A consumer that has begun, and is stopped with the test. */
function reading(t: Test, { topics, groupId = bench.name('group'), settings, handle, deadLetters }: Reading) {
  const telemetry = recordedTelemetry()
  const consumer = new KafkaConsumer(
    {
      brokers: [bench.address],
      groupId,
      topics,
      clientId: 'notification-service',
      ssl: null,
      sasl: null,
      partitionsAtOnce: 6,
      sessionTimeoutMs: 6_000,
      fromBeginning: true,
      maxBytes: 1_048_576,
      retryDelaysMs: [100, 200],
      defaultTenant: 'acme',
      ...settings,
    },
    { handle: handle ?? store.handle, deadLetters: deadLetters ?? store, telemetry },
    LOOK_MS,
  )
  t.teardown(() => consumer.stop())
  consumer.start()
  const logged = (event: string) => telemetry.lines.filter((line) => line.event === event)
  return { consumer, groupId, logged, telemetry }
}

const message = (event: TestEvent, partition?: number): Message => ({
  value: JSON.stringify(event),
  ...(partition === undefined ? {} : { partition }),
})

const idsOf = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${name}-${String(index).padStart(6, '0')}`)

/** Round robin over the partitions. */
async function produce(topic: string, ids: readonly string[]): Promise<void> {
  const partitions = await bench.partitions(topic)
  await bench.send(
    topic,
    ids.map((id, index) => message({ id }, index % partitions)),
  )
}

t.beforeEach(() => {
  store.before = async () => undefined
})

t.test('partitions are worked on side by side', async (t) => {
  const topic = await bench.topic(6)
  const partitions = await bench.partitions(topic)
  await produce(topic, idsOf(topic, partitions * 3))
  const gate = new Gate()
  const atWork = new Set<number>()
  store.before = (records) => {
    for (const { partition } of records) atWork.add(partition)
    return gate.opened
  }
  const { groupId } = reading(t, { topics: [topic] })
  await eventually(async () => atWork.size === partitions, 'all partitions to be worked on at once')
  t.strictSame(
    [...(await bench.committed(groupId, topic)).values()].filter((offset) => offset > 0),
    [],
  )
  gate.open()
  await bench.caughtUp(groupId, topic)
  t.equal((await store.taken(topic)).length, partitions * 3)
})

t.test('nothing is committed that is not durable, whatever comes after it', async (t) => {
  const topic = await bench.topic(1)
  const ids = idsOf(topic, 3 * PORTION)
  await bench.send(
    topic,
    ids.map((id) => message({ id }, 0)),
  )
  const second = new Gate()
  const begun: string[] = []
  const offsetOf = (records: readonly KafkaRecord[]): string => records[0]?.offset ?? ''
  store.before = async (records) => {
    begun.push(offsetOf(records))
    if (offsetOf(records) === `${PORTION}`) await second.opened
  }
  const { consumer, groupId } = reading(t, { topics: [topic] })
  // The third portion is written while the second one waits.
  await eventually(
    async () => (await store.taken(topic)).length === 2 * PORTION || begun.length > 2,
    'two portions',
  )
  t.strictSame(begun, ['0', `${PORTION}`, `${2 * PORTION}`])
  t.notOk((await store.taken(topic)).includes(ids[PORTION] ?? ''), 'the second one waits')
  t.ok(((await bench.committed(groupId, topic)).get(0) ?? 0) <= PORTION)

  const stopped = consumer.stop()
  const early = await Promise.race([
    stopped.then(() => 'stopped'),
    eventually(async () => 'waits', 'a moment'),
  ])
  t.equal(early, 'waits')
  second.open()
  await stopped
  const rows = (await store.taken(topic)).length
  t.equal(
    (await bench.committed(groupId, topic)).get(0),
    rows,
    'all that is durable was committed at the end',
  )
})

t.test('a second consumer joins in the middle, and nothing is lost', async (t) => {
  const topic = await bench.topic(6)
  const ids = idsOf(topic, 4_000)
  await produce(topic, ids)
  store.before = () => new Promise((resolve) => setTimeout(resolve, 60))
  const first = reading(t, { topics: [topic] })
  await eventually(async () => (await store.taken(topic)).length > 0, 'the first one to begin')
  const second = reading(t, { topics: [topic], groupId: first.groupId })
  await produce(
    topic,
    ids.map((id) => `${id}-late`),
  )
  const shares = () =>
    [first, second].map(({ logged }) => logged('kafka.partitions_assigned').at(-1)?.partitions)
  const of = (share: unknown): readonly number[] =>
    typeof share === 'object' && share !== null && topic in share ? Object(share)[topic] : []
  await eventually(async () => shares().every((share) => of(share).length > 0), 'both to have partitions')
  await bench.caughtUp(first.groupId, topic)
  const [one, other] = shares()
  t.equal(
    new Set([...of(one), ...of(other)]).size,
    await bench.partitions(topic),
    'each partition has one of them',
  )
  t.strictSame(
    await store.taken(topic),
    ids.flatMap((id) => [id, `${id}-late`]),
  )
})

t.test('poison is put aside once, and what comes twice is taken once', async (t) => {
  const topic = await bench.topic(1)
  const good = idsOf(topic, 4)
  const [a = '', b = '', c = '', d = ''] = good
  const events: readonly TestEvent[] = [
    { id: a },
    { id: 'bad', kind: 'poison' },
    { id: b },
    { id: b },
    { id: 'worse', kind: 'poison' },
    { id: a },
    { id: c },
    { id: d },
  ]
  await bench.send(
    topic,
    events.map((event) => message(event, 0)),
  )
  const first = reading(t, { topics: [topic] })
  await bench.caughtUp(first.groupId, topic)
  // The same again, as after a crash before the commit.
  const again = reading(t, { topics: [topic] })
  await bench.caughtUp(again.groupId, topic)
  t.strictSame(await store.taken(topic), good)
  const dead = await store.dead(topic)
  t.strictSame(
    dead.map(({ offset, reason }) => [offset, reason]),
    [
      ['1', 'validation_failed'],
      ['4', 'validation_failed'],
    ],
  )
  t.match(first.logged('kafka.dead_lettered'), [{ topic, partition: 0, offset: '1' }, { offset: '4' }])
})

t.test('what fails is tried again, and put aside in the end; other partitions do not wait', async (t) => {
  const topic = await bench.topic(2)
  const ids = idsOf(topic, 3)
  const [before = '', after = '', elsewhere = ''] = ids
  const calls: string[] = []
  store.before = async (records) => {
    for (const { partition, offset } of records) calls.push(`${partition}:${offset}`)
  }
  const { groupId, logged } = reading(t, { topics: [topic], settings: { retryDelaysMs: [100, 3_000] } })
  await bench.send(topic, [
    message({ id: before }, 0),
    message({ id: 'fails', kind: 'failing' }, 0),
    message({ id: after }, 0),
  ])
  await eventually(async () => calls.filter((call) => call === '0:1').length === 2, 'the second try')
  await bench.send(topic, [message({ id: elsewhere }, 1)])
  await eventually(async () => (await store.taken(topic)).includes(elsewhere), 'the other partition')
  t.strictSame(await store.dead(topic), [], 'while the first one still waits')
  t.equal((await bench.committed(groupId, topic)).get(0), 1)
  await bench.caughtUp(groupId, topic)
  t.equal(calls.filter((call) => call === '0:1').length, 3)
  t.equal(logged('kafka.event_failed').length, 2)
  t.match(await store.dead(topic), [{ offset: '1' }])
  t.strictSame(await store.taken(topic), ids)
})

t.test('while the store is away nothing is committed, and then everything is taken once', async (t) => {
  const topic = await bench.topic(6)
  const ids = idsOf(topic, 2_000)
  const { groupId, logged, telemetry } = reading(t, { topics: [topic] })
  await produce(topic, ids.slice(0, 600))
  await bench.caughtUp(groupId, topic)
  await store.server.stop()
  await produce(topic, ids.slice(600))
  const partitions = await bench.partitions(topic)
  await eventually(
    async () => logged('kafka.partition_paused').length === partitions,
    'all partitions to wait',
  )
  t.match(await telemetry.metrics.kafkaPaused.get(), { values: [{ value: partitions }] })
  const committed = [...(await bench.committed(groupId, topic)).values()]
  t.equal(
    committed.reduce((sum, offset) => sum + offset, 0),
    600,
  )
  await store.server.restart()
  await bench.caughtUp(groupId, topic)
  t.strictSame(await store.taken(topic), ids)
  t.match(await telemetry.metrics.kafkaPaused.get(), { values: [{ value: 0 }] })
  t.equal(logged('kafka.partition_resumed').length, partitions)
})

t.test('dead letters that cannot be written stop the partition, too', async (t) => {
  const topic = await bench.topic(1)
  const [good = ''] = idsOf(topic, 1)
  let away = true
  const deadLetters: Pick<EventStore, 'add'> = {
    add: async (events) => {
      if (away) throw new Error('away')
      await store.add(events)
    },
  }
  await bench.send(topic, [message({ id: 'bad', kind: 'poison' }, 0), message({ id: good }, 0)])
  const { groupId, logged } = reading(t, { topics: [topic], deadLetters })
  await eventually(async () => logged('kafka.partition_paused').length > 0, 'the partition to wait')
  t.match(logged('kafka.partition_paused'), [{ offset: '0', reason: 'dead_letters_unavailable' }])
  t.ok(((await bench.committed(groupId, topic)).get(0) ?? -1) <= 0)
  away = false
  await bench.caughtUp(groupId, topic)
  t.match(await store.dead(topic), [{ offset: '0' }])
  t.strictSame(await store.taken(topic), [good])
})

t.test('the group waits for whoever takes longer than a session', async (t) => {
  const topic = await bench.topic(1)
  const [id = ''] = idsOf(topic, 1)
  const gate = new Gate()
  store.before = () => gate.opened
  // librdkafka's broker lets nobody in for the first 3 s.
  const sessionTimeoutMs = bench.kind === 'apache' ? 1_000 : 4_000
  const { groupId, logged } = reading(t, { topics: [topic], settings: { sessionTimeoutMs } })
  await bench.send(topic, [message({ id }, 0)])
  await eventually(async () => logged('kafka.partitions_assigned').length > 0, 'the group to be joined')
  setTimeout(() => gate.open(), 2.5 * sessionTimeoutMs)
  await bench.caughtUp(groupId, topic)
  t.equal(logged('kafka.partitions_assigned').length, 1, 'nobody was put out of the group')
  t.strictSame(await store.taken(topic), [id])
})

t.test('a record that is larger than a fetch comes all the same', async (t) => {
  const topic = await bench.topic(2)
  const ids = idsOf(topic, 100)
  const large = `${topic}-large`
  const text = 'x'.repeat(400_000)
  await produce(topic, ids.slice(0, 50))
  await bench.send(topic, [message({ id: large, text }, 1)])
  await produce(topic, ids.slice(50))
  const { groupId } = reading(t, { topics: [topic], settings: { maxBytes: 1_024 } })
  await bench.caughtUp(groupId, topic)
  t.strictSame(await store.taken(topic), [...ids, large])
  t.equal(await store.textSize(large), text.length)
})

t.test('the lag is told by topic', async (t) => {
  const topic = await bench.topic(2)
  await produce(topic, idsOf(topic, 30))
  const gate = new Gate()
  store.before = () => gate.opened
  const { groupId, telemetry } = reading(t, { topics: [topic] })
  const lag = async () => (await telemetry.metrics.kafkaLag.get()).values
  await eventually(async () => (await lag()).length > 0, 'the lag to be known')
  t.match(await lag(), [{ value: 30, labels: { topic } }])
  gate.open()
  await bench.caughtUp(groupId, topic)
  await eventually(async () => (await lag())[0]?.value === 0, 'the lag to be gone')
})

t.test('what producers compress is read', async (t) => {
  installCodecs(kafkajs)
  const topic = await bench.topic(1)
  const { CompressionCodecs } = kafkajs
  for (const { type, base64 } of COMPRESSED_BATCHES) {
    const own = CompressionCodecs[type]
    // In place of what kafkajs would make of them: what the producer wrote.
    CompressionCodecs[type] = () => ({ ...own(), compress: async () => Buffer.from(base64, 'base64') })
    await bench.send(
      topic,
      COMPRESSED_VALUES.map((value) => ({ value, partition: 0 })),
      type,
    )
    CompressionCodecs[type] = own
  }
  const values: string[] = []
  const { groupId } = reading(t, {
    topics: [topic],
    handle: async (records) => {
      values.push(...records.map(({ value }) => String(value)))
      return records.map(() => ({ kind: 'done', accepted: 1 }))
    },
  })
  await bench.caughtUp(groupId, topic)
  t.strictSame(
    values,
    COMPRESSED_BATCHES.flatMap(() => COMPRESSED_VALUES),
  )
})

t.test('a batch that cannot be read is put aside, and the partition goes on', async (t) => {
  installCodecs(kafkajs)
  const topic = await bench.topic(1)
  const { CompressionCodecs, CompressionTypes } = kafkajs
  const [first = '', last = ''] = idsOf(topic, 2)
  const own = CompressionCodecs[CompressionTypes.ZSTD]
  await bench.send(topic, [message({ id: first }, 0)])
  // Kafka's own decoder reads several frames, as no client writes them.
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    ...own(),
    compress: async ({ buffer }: { readonly buffer: Buffer }) =>
      Buffer.concat([rawZstd(buffer.subarray(0, 20)), rawZstd(buffer.subarray(20))]),
  })
  const lost = Array.from({ length: 3 }, (_, index) => message({ id: `lost-${index}` }, 0))
  await bench.send(topic, lost, CompressionTypes.ZSTD)
  CompressionCodecs[CompressionTypes.ZSTD] = own
  await bench.send(topic, [message({ id: last }, 0)])
  const { groupId } = reading(t, { topics: [topic] })
  await bench.caughtUp(groupId, topic)
  t.strictSame(await store.taken(topic), [first, last])
  const dead = await store.dead(topic)
  t.match(dead, [{ offset: '1', reason: 'unreadable', detail: /batch of 3 records .* offset 1 .*zstd/ }])
  t.equal(dead.length, 1)
  t.ok(dead[0]?.value?.includes('lost-0'), 'the batch is kept as it came')
})

/** A frame that is not compressed at all (RFC 8878 §3.1.1). */
function rawZstd(content: Buffer): Buffer {
  const block = Buffer.alloc(3)
  block.writeUIntLE((content.length << 3) | 1, 0, 3)
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, content.length]), block, content])
}

t.test('a topic that comes later is taken up then', async (t) => {
  const here = await bench.topic(1)
  const later = bench.name('later')
  const [early = '', late = ''] = idsOf(here, 2)
  await bench.send(here, [message({ id: early }, 0)])
  const { groupId, logged } = reading(t, { topics: [here, later] })
  await bench.caughtUp(groupId, here)
  t.match(logged('kafka.topics_missing'), [{ topics: [later] }])
  await bench.createTopic(later, 1)
  await bench.send(later, [message({ id: late }, 0)])
  await bench.caughtUp(groupId, later)
  t.strictSame(await store.taken(later), [late])
})

t.test('a broker that cannot be reached is waited for', async (t) => {
  const { consumer, logged } = reading(t, { topics: ['any'], settings: { brokers: ['127.0.0.1:1'] } })
  await eventually(async () => logged('kafka.connection_lost').length > 0, 'a line that says so')
  t.notOk(consumer.isUp)
  await consumer.stop()
})
