import type { Consumer, Kafka } from 'kafkajs'
import type { Log } from '../../telemetry/log.js'
import type { Batches } from './batches.js'
import { RETRY } from './client.js'
import type { KafkaSettings } from './ports.js'

/** A broker waits this long for something to answer with; so long may a partition wait that begins again. */
const LONGEST_FETCH_MS = 250
/** How long others are waited for when the group is divided anew. */
const REBALANCE_MS = 60_000
/** New partitions are found after this. */
const METADATA_MS = 60_000
const FETCHES_AT_ONCE = 16
const END_MS = 10_000
/** When there is nothing on its way, because the group was not joined yet. */
const ABANDON_MS = 500

/** How often the group has to hear of us. */
export const heartbeatMs = ({ sessionTimeoutMs }: KafkaSettings): number => Math.ceil(sessionTimeoutMs / 10)

/** One consumer, from joining the group to leaving it or to its crash; what comes after is another one. */
export class Session {
  readonly #consumer: Consumer
  readonly #settings: KafkaSettings
  readonly #crash = new AbortController()
  /** When the group last answered, by `performance.now()`. */
  #heard = performance.now()
  #joined = false
  #over = false

  constructor(kafka: Kafka, settings: KafkaSettings, batches: Pick<Batches, 'rejoined'>, log: Log) {
    this.#settings = settings
    this.#consumer = kafka.consumer({
      groupId: settings.groupId,
      sessionTimeout: settings.sessionTimeoutMs,
      rebalanceTimeout: Math.max(REBALANCE_MS, settings.sessionTimeoutMs),
      heartbeatInterval: heartbeatMs(settings),
      maxBytesPerPartition: settings.maxBytes,
      maxBytes: settings.maxBytes * FETCHES_AT_ONCE,
      maxWaitTimeInMs: LONGEST_FETCH_MS,
      metadataMaxAge: METADATA_MS,
      allowAutoTopicCreation: false,
      retry: RETRY,
    })
    const { CRASH, GROUP_JOIN, HEARTBEAT } = this.#consumer.events
    this.#consumer.on(CRASH, ({ payload: { error } }) => this.#crash.abort(error))
    this.#consumer.on(HEARTBEAT, () => {
      this.#heard = performance.now()
    })
    this.#consumer.on(GROUP_JOIN, ({ payload: { memberAssignment, isLeader } }) => {
      // Kafkajs tries on, even when it was told to stop while it was about to join.
      if (this.#over) void this.end()
      batches.rejoined()
      this.#joined = true
      this.#heard = performance.now()
      log.event('kafka.partitions_assigned', { partitions: memberAssignment, leader: isLeader })
    })
  }

  /** Resolves once the group is joined. Where that fails it has crashed. */
  async begin(topics: readonly string[], batches: Pick<Batches, 'each'>): Promise<void> {
    const { fromBeginning, partitionsAtOnce } = this.#settings
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning })
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: partitionsAtOnce,
      eachBatch: batches.each,
    })
  }

  /** Aborted when it cannot go on; the reason is why. */
  get crashed(): AbortSignal {
    return this.#crash.signal
  }

  /** How long the group has not answered, in milliseconds. */
  get silence(): number {
    return performance.now() - this.#heard
  }

  /** Whether it has been silent for so long that it will not come back by itself. */
  get stuck(): boolean {
    return this.silence > 2 * Math.max(REBALANCE_MS, this.#settings.sessionTimeoutMs)
  }

  /** No more is fetched; what is on its way is waited for and committed, and the group is left. */
  async end(): Promise<void> {
    this.#over = true
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#joined ? END_MS : ABANDON_MS)
    })
    // What goes wrong here goes wrong with a consumer that nobody needs any more.
    await Promise.race([this.#consumer.disconnect().catch(() => undefined), late])
    clearTimeout(timer)
  }
}
