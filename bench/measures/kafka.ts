import kafkajs from 'kafkajs'
import type { KafkaBroker } from '../../test/support/kafka-broker.js'
import type { Measure, Round } from '../measure.js'
import { alternate, figure, RATE } from '../rounds.js'
import { startChild } from '../stand/child.js'
import { startDaemon } from '../stand/daemon.js'
import { ask, type DatabaseAddress } from '../stand/databases.js'
import { TENANT, userId } from '../stand/token.js'

const EVENTS_PER_SECOND = 10_000
const AT_ONCE = 1_000
const GIVE_UP_MS = 120_000
const EVENT = 'order.paid'
const SETTINGS = `
events:
  routes:
    - event: ${EVENT}
      notifications:
        - { name: inbox, tenant_id: =data.tenant_id, user_id: =data.user_id, channel: in_app, title: "Order {{ id }} is paid", content: Thank you., variables: { id: =data.event_id } }
`

/** Events that are there already, of one partition, until their rows are committed: from the first row to the last. */
export const kafka: Measure = {
  name: 'kafka',
  async run(stand, { rounds, seconds }) {
    const broker = await stand.kafka()
    const brokers = broker.address
    const databases = await stand.databases()
    const events = EVENTS_PER_SECOND * seconds
    let round = 0
    const produced = async (): Promise<string> => {
      const topic = `orders-${process.pid}-${round++}`
      await produce(broker, topic, events)
      return topic
    }
    const ours = async (): Promise<Round> => {
      const topic = await produced()
      const database = await databases.create()
      const env = { KAFKA_BROKERS: brokers, KAFKA_TOPICS: topic, KAFKA_GROUP_ID: topic }
      const daemon = await startDaemon(stand.folder, database, { env, settings: SETTINGS })
      await allCommitted(database, events)
      await daemon.stop()
      return rateOf(database)
    }
    const bare = async (): Promise<Round> => {
      const topic = await produced()
      const database = await databases.create()
      const child = startChild('bare-consumer')
      stand.defer(() => child.stop())
      const { host, port, database: name } = database
      await child.ask('consume', { host, port, database: name, brokers, topic, group: topic, events })
      await child.stop()
      return rateOf(database)
    }
    const found = await alternate(rounds, ours, bare)
    return [
      figure('Kafka event → committed row', 'perSecond', RATE, found, {
        what: 'bare kafkajs',
        reach: { value: 8_000 },
      }),
    ]
  },
}

async function produce({ kind, address }: KafkaBroker, topic: string, events: number): Promise<void> {
  const client = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING })
  // librdkafka's makes topics by itself.
  if (kind === 'apache') {
    const admin = client.admin()
    await admin.connect()
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] })
    await admin.disconnect()
  }
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  for (let first = 0; first < events; first += AT_ONCE) {
    const messages = Array.from({ length: AT_ONCE }, (_, n) => ({ value: event(first + n), partition: 0 }))
    await producer.send({ topic, messages, acks: 1 })
  }
  await producer.disconnect()
}

const event = (n: number): string =>
  JSON.stringify({
    event_type: EVENT,
    event_id: `e-${n}`,
    tenant_id: TENANT,
    user_id: userId(n),
    total: 129.9,
    currency: 'EUR',
    items: [{ name: 'Lamp', count: 2 }],
  })

async function allCommitted(database: DatabaseAddress, events: number): Promise<void> {
  const until = performance.now() + GIVE_UP_MS
  for (;;) {
    const [row] = await ask<{ rows: number }>(database, 'SELECT count(*)::int AS rows FROM notifications')
    if (row !== undefined && row.rows >= events) return
    if (performance.now() > until) throw new Error(`only ${row?.rows} of ${events} events were committed`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

async function rateOf(database: DatabaseAddress): Promise<Round> {
  const [row] = await ask<{ rate: number }>(
    database,
    `SELECT (count(*) / extract(epoch FROM max(updated_at) - min(updated_at)))::float8 AS rate FROM notifications`,
  )
  return { perSecond: row?.rate ?? 0 }
}
