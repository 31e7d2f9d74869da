import { Failure } from '../model/failure.js'
import { type Channel, QUEUED_CHANNELS } from '../model/notification.js'
import type { Clock, Queue } from '../streams/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Recovery } from './postgres/recovery.js'

export interface BacklogOptions {
  /** Most that may be ready in a lane before new requests for its channel are refused. */
  readonly maxReady: number
}

const MEASURE_EVERY_MS = 1_000
const RETRY_AFTER_MS = 5_000

/** Watches how much waits, for the metrics and to say no before too much does. */
export class Backlog {
  readonly #queue: Queue
  readonly #recovery: Recovery
  readonly #clock: Clock
  readonly #options: BacklogOptions
  readonly #telemetry: Telemetry
  #ready: Readonly<Partial<Record<Channel, number>>> = {}
  #timer: NodeJS.Timeout | undefined
  #measuring: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(
    { queue, recovery, clock }: { readonly queue: Queue; readonly recovery: Recovery; readonly clock: Clock },
    options: BacklogOptions,
    telemetry: Telemetry,
  ) {
    this.#queue = queue
    this.#recovery = recovery
    this.#clock = clock
    this.#options = options
    this.#telemetry = telemetry
  }

  /** Why nothing more can be taken for a channel; null while there is room. As of the last second. */
  refusal(channel: Channel, _tenantId: string): Failure | null {
    const ready = this.#ready[channel] ?? 0
    if (ready < this.#options.maxReady) return null
    const message = `${ready} notifications are ready to be sent by ${channel}; try again later`
    return new Failure('queue_full', message, { retryAfterMs: RETRY_AFTER_MS })
  }

  start(): void {
    if (this.#stopped) return
    this.#measuring = this.#measure().then(() => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.start(), MEASURE_EVERY_MS)
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#measuring
  }

  async #measure(): Promise<void> {
    const { metrics, log } = this.#telemetry
    try {
      const { ready, delayed } = await this.#queue.depth()
      this.#ready = ready
      for (const channel of QUEUED_CHANNELS) metrics.queueDepth.set({ queue: channel }, ready[channel])
      metrics.queueDepth.set({ queue: 'delay' }, delayed)
    } catch (err) {
      // An old figure must not keep the door shut; what cannot be queued waits in the ledger.
      this.#ready = {}
      log.event('queue.unavailable', { err })
    }
    try {
      const oldest = await this.#recovery.oldestDue()
      metrics.queueAge.set(oldest === null ? 0 : Math.max(0, (this.#clock.now() - oldest) / 1000))
    } catch (err) {
      log.event('ledger.unavailable', { err })
    }
  }
}
