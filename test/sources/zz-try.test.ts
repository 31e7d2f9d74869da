import t from 'tap'
import { KafkaConsumer } from '../../src/sources/kafka/consumer.js'
import { KafkaBench } from '../support/kafka.js'
import { startKafka } from '../support/kafka-broker.js'
import { recordedTelemetry } from '../support/telemetry.js'
import { eventually } from '../support/waiting.js'
t.test('crash', async (t) => {
  const broker = await startKafka()
  t.teardown(() => broker.stop())
  const bench = await KafkaBench.open(t, broker)
  const topic = await bench.topic(6)
  const telemetry = recordedTelemetry()
  const consumer = new KafkaConsumer({ brokers: [broker.address], groupId: 'g', topics: [topic], clientId: 'c', ssl: null, sasl: null, partitionsAtOnce: 6, sessionTimeoutMs: 6000, fromBeginning: true, maxBytes: 1048576, retryDelaysMs: [100], defaultTenant: 'd' },
    { handle: async (r) => r.map(() => ({ kind: 'done', accepted: 1 })), deadLetters: { add: async () => undefined }, telemetry })
  consumer.start()
  await eventually(async () => telemetry.lines.some((l) => l.event === 'kafka.connected'), 'c')
  console.error('kill', new Date().toISOString())
  await broker.kill()
  await eventually(async () => telemetry.lines.some((l) => l.event === 'kafka.consumer_crashed'), 'crash', 60000).catch(() => 0)
  console.error(new Date().toISOString(), telemetry.lines.map((l) => JSON.stringify({...l, err: undefined}).slice(0,250)).join('\n'))
  console.error('restart', new Date().toISOString())
  await broker.restart()
  console.error('restarted', new Date().toISOString())
  await eventually(async () => telemetry.lines.filter((l) => l.event === 'kafka.connected').length > 1, 'c2', 60000).catch(() => 0)
  console.error('back', new Date().toISOString())
  await consumer.stop()
})
