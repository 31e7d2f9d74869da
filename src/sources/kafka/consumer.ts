import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Admin, Kafka } from 'kafkajs'
import type { HandleEvents } from '../../model/dead-event.js'
import type { Log } from '../../telemetry/log.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { Batches } from './batches.js'
import { kafkaClient } from './client.js'
import { Holds } from './holds.js'
import type { DeadLetters, KafkaSettings } from './ports.js'
import { heartbeatMs, Session } from './session.js'
import { type Standing, standings } from './standing.js'
import { Turns } from './turns.js'

export interface ConsumerTiming {
  /** How often the brokers are asked for topics and for the lag. */
  readonly lookMs: number
  /** A partition of which nothing came for so long, although there is something, is asked for alone. */
  readonly patienceMs: number
}

export interface ConsumerPorts {
  readonly handle: HandleEvents
  readonly deadLetters: DeadLetters
  readonly telemetry: Telemetry
}

const TIMING: ConsumerTiming = { lookMs: 15_000, patienceMs: 10_000 }
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 15_000
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
  readonly #turns: Turns
  readonly #lookMs: number
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #session: Session | null = null
  #connected: boolean | null = null
  #failures = 0
  #missing = ''

  constructor(
    settings: KafkaSettings,
    { handle, deadLetters, telemetry }: ConsumerPorts,
    { lookMs, patienceMs } = TIMING,
  ) {
    this.#lookMs = lookMs
    this.#turns = new Turns(patienceMs)
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
    const kafka = await kafkaClient(this.#settings, this.#telemetry.log)
    const admin = kafka.admin()
    try {
      await admin.connect()
      while (!this.#stop.signal.aborted) {
        const topics = await this.#topics(admin)
        if (topics.length > 0) await this.#consume(kafka, admin, topics)
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
  async #consume(kafka: Kafka, admin: Admin, topics: readonly string[]): Promise<void> {
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
        await this.#look(admin, session, topics)
        await pause(this.#lookMs, wake)
        if (await this.#haveChanged(topics, admin)) return
      }
    } finally {
      await session.end()
      this.#session = null
      this.#holds.clear()
    }
  }

  /** Those that there are. */
  async #topics(admin: Admin): Promise<readonly string[]> {
    const known = new Set(await admin.listTopics())
    const missing = this.#settings.topics.filter((topic) => !known.has(topic))
    if (missing.length > 0 && missing.join() !== this.#missing) {
      this.#telemetry.log.event('kafka.topics_missing', { topics: missing })
    }
    this.#missing = missing.join()
    return this.#settings.topics.filter((topic) => known.has(topic))
  }

  /** The consumer goes on while nobody can be asked. */
  async #haveChanged(topics: readonly string[], admin: Admin): Promise<boolean> {
    try {
      return (await this.#topics(admin)).join() !== topics.join()
    } catch (err) {
      this.#telemetry.log.event('kafka.look_failed', { err })
      return false
    }
  }

  async #look(admin: Admin, session: Session, topics: readonly string[]): Promise<void> {
    try {
      await this.#lookAt(await standings(admin, topics, this.#settings), session, topics)
    } catch (err) {
      this.#telemetry.log.event('kafka.look_failed', { err })
    }
  }

  async #lookAt(all: readonly Standing[], session: Session, topics: readonly string[]): Promise<void> {
    const { log, metrics } = this.#telemetry
    for (const topic of topics) {
      const lags = all.filter((standing) => standing.topic === topic).map(({ lag }) => lag)
      metrics.kafkaLag.set(
        { topic },
        lags.reduce((sum, lag) => sum + lag, 0),
      )
    }
    const seen = this.#batches.seen.bind(this.#batches)
    await this.#turns.give(all, { session, holds: this.#holds, seen, log, signal: this.#stop.signal })
  }

  #up(topics: readonly string[]): void {
    this.#failures = 0
    if (this.#connected === true) return
    this.#connected = true
    this.#telemetry.log.event('kafka.connected', { group_id: this.#settings.groupId, topics })
  }
}

/** Ends early when there is something else to do. */
async function pause(ms: number, wake: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: wake }).catch(() => undefined)
}

/** Told already. */
class Crash extends Error {
  constructor(cause: unknown, log: Log) {
    super('The consumer crashed', { cause })
    log.event('kafka.consumer_crashed', { err: cause })
  }
}

/** Resolves at once when there is no use for it any more. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort', { signal: over.signal })
  try {
    await Promise.race([work, aborted.catch(() => undefined)])
  } finally {
    over.abort()
    work.catch(() => undefined)
  }
}
