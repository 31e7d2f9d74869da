import type { Config } from '../config/config.js'
import type { HandleEvents } from '../model/dead-event.js'
import { topicsOf } from '../model/event-route.js'
import { KafkaConsumer } from '../sources/kafka/consumer.js'
import type { DeadLetters } from '../sources/kafka/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'

export interface KafkaSource {
  start(): void
  stop(): Promise<void>
  /** For `/ready`: events that are not read come later, and nothing else stands still. None: Kafka is off. */
  readonly dependencies: readonly {
    readonly name: string
    readonly required: false
    check(): Promise<boolean>
  }[]
}

const OFF: KafkaSource = { start: () => undefined, stop: async () => undefined, dependencies: [] }

/** Reads events from Kafka where the configuration names brokers. */
export function openKafka(
  { kafka, events }: Pick<Config, 'kafka' | 'events'>,
  handle: HandleEvents,
  deadLetters: DeadLetters,
  telemetry: Telemetry,
): KafkaSource {
  if (kafka.brokers.length === 0) return OFF
  const topics = kafka.topics.length > 0 ? kafka.topics : topicsOf(events.routes)
  const settings = { ...kafka, topics, defaultTenant: events.defaultTenant }
  const consumer = new KafkaConsumer(settings, { handle, deadLetters, telemetry })
  return {
    start: () => consumer.start(),
    stop: () => consumer.stop(),
    dependencies: [{ name: 'kafka', required: false, check: async () => consumer.isUp }],
  }
}
