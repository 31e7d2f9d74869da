import { randomBytes } from 'node:crypto'
import kafkajs, { type Admin, type Kafka, type Message, type Producer } from 'kafkajs'
import tap, { type Test } from 'tap'
import { type KafkaBroker, type KafkaKind, startKafka } from './kafka-broker.js'
import { eventually } from './waiting.js'

let shared: Promise<Pick<KafkaBroker, 'kind' | 'address'>> | null = null

/** That of TEST_KAFKA_BROKERS, such as `librdkafka 127.0.0.1:9092`, else one that is started once in this process. */
function sharedKafka(): Promise<Pick<KafkaBroker, 'kind' | 'address'>> {
  const given = process.env.TEST_KAFKA_BROKERS?.split(' ') ?? []
  const address = given.at(-1)
  if (address) return Promise.resolve({ kind: given[0] === 'librdkafka' ? 'librdkafka' : 'apache', address })
  if (shared === null) {
    const own = startKafka()
    tap.teardown(async () => (await own).stop())
    shared = own
  }
  return shared
}

/** What a test needs to say something to a broker and to look at it from outside. */
export class KafkaBench {
  readonly kind: KafkaKind
  readonly address: string
  readonly kafka: Kafka
  readonly #admin: Admin
  readonly #producer: Producer

  private constructor({ kind, address }: Pick<KafkaBroker, 'kind' | 'address'>) {
    this.kind = kind
    this.address = address
    this.kafka = new kafkajs.Kafka({
      clientId: 'test',
      brokers: [address],
      logLevel: kafkajs.logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 100 },
    })
    this.#admin = this.kafka.admin()
    this.#producer = this.kafka.producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: true,
    })
  }

  static async open(t: Pick<Test, 'teardown'>, broker?: KafkaBroker): Promise<KafkaBench> {
    const bench = new KafkaBench(broker ?? (await sharedKafka()))
    await Promise.all([bench.#admin.connect(), bench.#producer.connect()])
    t.teardown(async () => {
      await Promise.all([bench.#admin.disconnect(), bench.#producer.disconnect()])
    })
    return bench
  }

  /** A name that nobody else has. */
  name(what: string): string {
    return `${what}-${randomBytes(5).toString('hex')}`
  }

  /** A topic of its own. librdkafka's broker makes it with 4 partitions, whatever is asked for. */
  async topic(partitions = 6, configEntries: { name: string; value: string }[] = []): Promise<string> {
    const topic = this.name('topic')
    await this.createTopic(topic, partitions, configEntries)
    return topic
  }

  async createTopic(
    topic: string,
    numPartitions = 6,
    configEntries: { name: string; value: string }[] = [],
  ): Promise<void> {
    if (this.kind === 'apache') {
      await this.#admin.createTopics({ topics: [{ topic, numPartitions, configEntries }] })
    }
    // Until it is there for whoever asks next.
    await eventually(async () => {
      const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions.every(({ leader }) => leader >= 0)
    }, `topic ${topic}`)
  }

  async partitions(topic: string): Promise<number> {
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions.length ?? 0
  }

  async send(topic: string, messages: Message[], compression = kafkajs.CompressionTypes.None): Promise<void> {
    await this.#producer.send({ topic, messages, compression, timeout: 30_000 })
  }

  /** The next offset of each partition that the group has committed; -1 where it has none. */
  async committed(groupId: string, topic: string): Promise<ReadonlyMap<number, number>> {
    const [found] = await this.#admin.fetchOffsets({ groupId, topics: [topic] })
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  }

  /** The offset that the next record of each partition will have. */
  async ends(topic: string): Promise<ReadonlyMap<number, number>> {
    const offsets = await this.#admin.fetchTopicOffsets(topic)
    return new Map(offsets.map(({ partition, high }) => [partition, Number(high)]))
  }

  /** Until the group has committed everything that is there. */
  async caughtUp(groupId: string, topic: string, withinMs?: number): Promise<void> {
    await eventually(
      async () => {
        const [committed, ends] = await Promise.all([this.committed(groupId, topic), this.ends(topic)])
        return [...ends].every(([partition, end]) => end === 0 || committed.get(partition) === end)
      },
      `${groupId} to commit all of ${topic}`,
      withinMs,
    )
  }
}
