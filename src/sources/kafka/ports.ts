import type { DeadEvent } from '../../model/dead-event.js'

/** Where events go that cannot become notifications, so that what is behind them is not held up. */
export interface DeadLetters {
  /**
   * Resolves once they are durable. What is there already (the same record, brought again) stays as it is.
   * Rejects when they cannot be written now: the same events come again.
   */
  add(events: readonly DeadEvent[]): Promise<void>
}

/** How Kafka is reached and read. Times in milliseconds. */
export interface KafkaSettings {
  readonly brokers: readonly string[]
  readonly groupId: string
  readonly topics: readonly string[]
  readonly clientId: string
  /** Null: not encrypted. `ca` is PEM; null: the authorities that Node knows. */
  readonly ssl: { readonly ca: string | null } | null
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  } | null
  readonly partitionsAtOnce: number
  readonly sessionTimeoutMs: number
  readonly fromBeginning: boolean
  /** Of one partition in one fetch. */
  readonly maxBytes: number
  /** After which times a record that failed is tried again. */
  readonly retryDelaysMs: readonly number[]
  /** Whose dead letters are those of records that cannot even be read. */
  readonly defaultTenant: string
}
