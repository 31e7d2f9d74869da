import type { Admin } from 'kafkajs'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { type Group, lags } from './lags.js'

/** What the brokers say of the topics that are wanted. */
export class Lookout {
  readonly #admin: Admin
  readonly #wanted: readonly string[]
  readonly #group: Group
  readonly #telemetry: Telemetry
  #missing: readonly string[] = []

  constructor(admin: Admin, settings: Group & { readonly topics: readonly string[] }, telemetry: Telemetry) {
    this.#admin = admin
    this.#wanted = settings.topics
    this.#group = settings
    this.#telemetry = telemetry
  }

  /** Those that there are. Rejects when nobody answers. */
  async topics(): Promise<readonly string[]> {
    const known = new Set(await this.#admin.listTopics())
    const missing = this.#wanted.filter((topic) => !known.has(topic))
    if (missing.length > 0 && missing.join() !== this.#missing.join()) {
      this.#telemetry.log.event('kafka.topics_missing', { topics: missing })
    }
    this.#missing = missing
    return this.#wanted.filter((topic) => known.has(topic))
  }

  /** The lag, for the metrics, and whether there are other topics by now. The consumer goes on while nobody answers. */
  async changed(topics: readonly string[]): Promise<boolean> {
    const { log, metrics } = this.#telemetry
    try {
      for (const [topic, lag] of await lags(this.#admin, topics, this.#group)) {
        metrics.kafkaLag.set({ topic }, lag)
      }
      return (await this.topics()).join() !== topics.join()
    } catch (err) {
      log.event('kafka.look_failed', { err })
      return false
    }
  }
}
