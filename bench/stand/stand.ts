import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KafkaBroker, startKafka } from '../../test/support/kafka-broker.js'
import { type RedisServer, startRedis } from '../../test/support/redis.js'
import { Databases } from './databases.js'

type Step = () => Promise<unknown>

/** Where the measures stand: what they start is stopped again, the latest first. */
export class Stand {
  readonly folder: string
  readonly #ofMeasure: Step[] = []
  readonly #ofRun: Step[] = []
  #databases: Promise<Databases> | null = null
  #redis: Promise<RedisServer> | null = null
  #kafka: Promise<KafkaBroker> | null = null

  private constructor(folder: string) {
    this.folder = folder
    this.#ofRun.push(() => rm(folder, { recursive: true, force: true }))
  }

  static async open(): Promise<Stand> {
    return new Stand(await mkdtemp(join(tmpdir(), 'notification-bench-')))
  }

  /** Done when the measure is over. */
  defer(step: Step): void {
    this.#ofMeasure.push(step)
  }

  /** A PostgreSQL as the embedded mode runs it, the same one for all measures. */
  databases(): Promise<Databases> {
    this.#databases ??= this.#forTheRun(Databases.start(this.folder))
    return this.#databases
  }

  redis(): Promise<RedisServer> {
    this.#redis ??= this.#forTheRun(startRedis())
    return this.#redis
  }

  kafka(): Promise<KafkaBroker> {
    this.#kafka ??= this.#forTheRun(startKafka())
    return this.#kafka
  }

  async clear(): Promise<void> {
    for (const step of this.#ofMeasure.splice(0).reverse()) await step()
  }

  async close(): Promise<void> {
    await this.clear()
    for (const step of this.#ofRun.splice(0).reverse()) await step()
  }

  async #forTheRun<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    const started = await starting
    this.#ofRun.push(() => started.stop())
    return started
  }
}
