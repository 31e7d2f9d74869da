import type { Kafka } from 'kafkajs'
import type { HandleEvents } from '../../model/dead-event.js'
import type { Log } from '../../telemetry/log.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { Batches } from './batches.js'
import { kafkaClient, RETRY, RETRY_ONCE } from './client.js'
import { Holds } from './holds.js'
import { Lookout } from './lookout.js'
import type { DeadLetters, KafkaSettings } from './ports.js'
import { heartbeatMs, Session } from './session.js'
import { pause, unlessAborted } from './waits.js'

export interface ConsumerPorts {
  readonly handle: HandleEvents
  readonly deadLetters: DeadLetters
  readonly telemetry: Telemetry
}

/** How often the brokers are asked for topics and for the lag. */
const LOOK_MS = 15_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 5_000
/** Silence of the group that is no cause for concern. */
const QUIET_MS = 10_000

/**
 * Takes part in the group, for as long as the service runs: whatever ends a consumer, another one follows. An
 * unreachable broker is waited for.
 */
export class KafkaConsumer {
  readonly #settings: KafkaSettings
  readonly #telemetry: Telemetry
  readonly #holds: Holds
  readonly #batches: Batches
  readonly #lookMs: number
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #session: Session | null = null
  #connected: boolean | null = null
  #failures = 0

  constructor(settings: KafkaSettings, { handle, deadLetters, telemetry }: ConsumerPorts, lookMs = LOOK_MS) {
    this.#lookMs = lookMs
    this.#settings = settings
    this.#telemetry = telemetry
    this.#holds = new Holds(telemetry.metrics)
    const { retryDelaysMs, defaultTenant } = settings
    this.#batches = new Batches({ handle, deadLetters, retryDelaysMs }, this.#holds, telemetry, {
      heartbeatMs: heartbeatMs(settings),
      defaultTenant,
    })
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Whether it takes part, or would if there were any of its topics. */
  get isUp(): boolean {
    return this.#connected === true && (this.#session === null || this.#session.silence < QUIET_MS)
  }

  /** Hands in no more, waits for what is on its way, commits, and leaves the group. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        await this.#takePart()
      } catch (err) {
        if (signal.aborted) return
        if (this.#connected !== false && !(err instanceof Crash)) {
          this.#telemetry.log.event('kafka.connection_lost', { err })
        }
        this.#connected = false
        await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++), signal)
      }
    }
  }

  /** Until it is stopped, or something breaks. */
  async #takePart(): Promise<void> {
    const { log } = this.#telemetry
    const kafka = await kafkaClient(this.#settings, RETRY, log)
    const admin = (await kafkaClient(this.#settings, RETRY_ONCE, log)).admin()
    try {
      await admin.connect()
      const lookout = new Lookout(admin, this.#settings, this.#telemetry)
      while (!this.#stop.signal.aborted) {
        const topics = await lookout.topics()
        if (topics.length > 0) await this.#consume(kafka, lookout, topics)
        else {
          this.#up(topics)
          await pause(this.#lookMs, this.#stop.signal)
        }
      }
    } finally {
      await admin.disconnect().catch(() => undefined)
    }
  }

  /** Until there are other topics, it is stopped, or it crashes. */
  async #consume(kafka: Kafka, lookout: Lookout, topics: readonly string[]): Promise<void> {
    const { log } = this.#telemetry
    const session = new Session(kafka, this.#settings, this.#batches, log)
    this.#session = session
    const wake = AbortSignal.any([this.#stop.signal, session.crashed])
    try {
      await unlessAborted(session.begin(topics, this.#batches), this.#stop.signal)
      for (;;) {
        if (session.crashed.aborted) throw new Crash(session.crashed.reason, log)
        if (session.stuck) throw new Crash(new Error('The group does not answer'), log)
        if (this.#stop.signal.aborted) return
        this.#up(topics)
        await pause(this.#lookMs, wake)
        if (!wake.aborted && (await lookout.changed(topics))) return
      }
    } finally {
      await session.end()
      this.#session = null
      this.#holds.clear()
    }
  }

  #up(topics: readonly string[]): void {
    this.#failures = 0
    if (this.#connected === true) return
    this.#connected = true
    this.#telemetry.log.event('kafka.connected', { group_id: this.#settings.groupId, topics })
  }
}

/** Told already. */
class Crash extends Error {
  constructor(cause: unknown, log: Log) {
    super('The consumer crashed', { cause })
    log.event('kafka.consumer_crashed', { err: cause })
  }
}
