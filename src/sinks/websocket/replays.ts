import type { Since } from '../../streams/ports.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import type { Connection } from './connection.js'
import { resumedFrame } from './frames.js'
import { type ReplayStore, replay, whenAborted } from './replay.js'
import { wire } from './wire.js'

/** Times in milliseconds. */
export interface ReplayOptions {
  /** Most notifications of one replay. */
  readonly longest: number
  /** Replays under way. The others wait: clients that all come back at once do not all reach the database at once. */
  readonly atOnce: number
  readonly maxWaiting: number
  /** Who has waited for this long is sent to the inbox instead. */
  readonly patienceMs: number
  /** How long one replay may take, for the store and for a client that reads slowly. */
  readonly timeoutMs: number
}

export const REPLAY_DEFAULTS: ReplayOptions = {
  longest: 200,
  atOnce: 4,
  maxWaiting: 20_000,
  patienceMs: 60_000,
  timeoutMs: 5_000,
}

interface Job {
  readonly connection: Connection
  readonly since: Since
  /** Nobody asked for it: where nothing was missed its end is not told. */
  readonly unasked: boolean
  readonly queuedAt: number
}

type Result = 'complete' | 'partial' | 'late' | 'failed'

/** Sends sockets what they have missed, a few sockets at a time. */
export class Replays {
  readonly #store: ReplayStore
  readonly #telemetry: Telemetry
  readonly #options: ReplayOptions
  #waiting: Job[] = []
  #running = 0
  #failing = false

  constructor(store: ReplayStore, telemetry: Telemetry, options: Partial<ReplayOptions> = {}) {
    this.#store = store
    this.#telemetry = telemetry
    this.#options = { ...REPLAY_DEFAULTS, ...options }
  }

  /** To be called once the relay reaches the connection, so that nothing falls between what it missed and what it gets. */
  start(connection: Connection, since: Since, unasked = false): void {
    const job = { connection, since, unasked, queuedAt: performance.now() }
    if (this.#waiting.length >= this.#options.maxWaiting) this.#end(job, 0, 'late')
    else this.#waiting.push(job)
    this.#next()
  }

  stop(): void {
    this.#waiting = []
  }

  #next(): void {
    while (this.#running < this.#options.atOnce) {
      const job = this.#waiting.shift()
      if (job === undefined) break
      if (!job.connection.isOpen) continue
      if (performance.now() - job.queuedAt > this.#options.patienceMs) {
        this.#end(job, 0, 'late')
        continue
      }
      this.#running += 1
      void this.#run(job).finally(() => {
        this.#running -= 1
        this.#next()
      })
    }
    this.#telemetry.metrics.replaysWaiting.set(this.#waiting.length)
  }

  /** The client is answered in time; the place is free once the store has answered, too. */
  async #run(job: Job): Promise<void> {
    const { longest, timeoutMs } = this.#options
    const signal = AbortSignal.timeout(timeoutMs)
    let count = 0
    const onSent = (): void => {
      count += 1
    }
    const sent = replay(this.#store, job.connection, job.since, longest, onSent, signal)
      .then((complete): Result => (complete ? 'complete' : signal.aborted ? 'late' : 'partial'))
      .catch((err: unknown) => this.#failed(err))
    const late = whenAborted(signal).then((): Result => 'late')
    const result = await Promise.race([sent, late])
    this.#end(job, count, result)
    await sent
  }

  #failed(err: unknown): Result {
    if (!this.#failing) this.#telemetry.log.event('websocket.replay_failed', { err })
    this.#failing = true
    return 'failed'
  }

  #end({ connection, unasked }: Job, count: number, result: Result): void {
    if (result === 'complete') this.#failing = false
    this.#telemetry.metrics.replays.inc({ result })
    const complete = result === 'complete'
    if (unasked && complete && count === 0) return
    connection.send(wire(resumedFrame(count, complete).data), false)
  }
}
