import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import kafkajs, { type Admin, type Kafka, type Message, type Producer } from 'kafkajs'
import tap, { type Test } from 'tap'
import { eventually } from './waiting.js'

type Kind = 'apache' | 'librdkafka'

/** A broker of one's own, to crash. */
export interface TestKafka {
  readonly kind: Kind
  /** host:port */
  readonly address: string
  /** Ends it as a crash would. */
  kill(): Promise<void>
  /** Begins again after `kill`, with the same address and data. Not librdkafka's: it keeps nothing. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const SCRIPT = new URL('../../scripts/kafka', import.meta.url).pathname

/** By scripts/kafka: it ends the broker when this process is gone. */
export async function startKafka(): Promise<TestKafka> {
  const folder = await mkdtemp(join(tmpdir(), 'kafka-test-'))
  let running = await launch(folder)
  const { kind, address } = running
  const kill = async (): Promise<void> => {
    if (running.script.exitCode !== null) return
    const ended = once(running.script, 'exit')
    process.kill(running.pid, 'SIGKILL')
    await ended
  }
  return {
    kind,
    address,
    kill,
    restart: async () => {
      running = await launch(folder)
    },
    stop: async () => {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Running {
  readonly kind: Kind
  readonly address: string
  readonly pid: number
  readonly script: ChildProcess
}

async function launch(folder: string): Promise<Running> {
  const script = spawn(SCRIPT, [folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  for await (const line of createInterface(script.stdout)) {
    const [kind, address, pid] = line.split(' ')
    if ((kind === 'apache' || kind === 'librdkafka') && address !== undefined) {
      return { kind, address, pid: Number(pid), script }
    }
  }
  throw new Error('scripts/kafka started no broker')
}

let shared: Promise<Pick<TestKafka, 'kind' | 'address'>> | null = null

/** That of TEST_KAFKA_BROKERS, such as `apache 127.0.0.1:9092`, else one that is started once in this process. */
function sharedKafka(): Promise<Pick<TestKafka, 'kind' | 'address'>> {
  const [kind, address] = (process.env.TEST_KAFKA_BROKERS ?? '').split(' ')
  if (address !== undefined) {
    return Promise.resolve({ kind: kind === 'librdkafka' ? 'librdkafka' : 'apache', address })
  }
  if (shared === null) {
    const own = startKafka()
    tap.teardown(async () => (await own).stop())
    shared = own
  }
  return shared
}

/** What a test needs to say something to a broker and to look at it from outside. */
export class KafkaBench {
  readonly kind: Kind
  readonly address: string
  readonly kafka: Kafka
  readonly #admin: Admin
  readonly #producer: Producer

  private constructor({ kind, address }: Pick<TestKafka, 'kind' | 'address'>) {
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

  static async open(t: Pick<Test, 'teardown'>, broker?: TestKafka): Promise<KafkaBench> {
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
