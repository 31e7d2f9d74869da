import { Failure } from '../model/failure.js'
import { hasRoom } from '../model/fair-share.js'
import { type Channel, QUEUED_CHANNELS, type QueuedChannel } from '../model/notification.js'
import type { Clock, Queue } from '../streams/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Recovery } from './postgres/recovery.js'

export interface BacklogOptions {
  /** Most that may be ready in a lane before new requests of those who have filled it are refused. */
  readonly maxReady: number
}

const MEASURE_EVERY_MS = 1_000
const RETRY_AFTER_MS = 5_000

/** Watches how much waits, for the metrics and to say no before too much does. */
export class Backlog {
  readonly #queue: Queue
  readonly #recovery: Pick<Recovery, 'oldestDue'>
  readonly #clock: Clock
  readonly #options: BacklogOptions
  readonly #telemetry: Telemetry
  #ready: Readonly<Partial<Record<Channel, number>>> = {}
  /** How many each tenant has in the lanes that are full. */
  #held: ReadonlyMap<Channel, ReadonlyMap<string, number>> = new Map()
  #timer: NodeJS.Timeout | undefined
  #measuring: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(
    {
      queue,
      recovery,
      clock,
    }: { readonly queue: Queue; readonly recovery: Pick<Recovery, 'oldestDue'>; readonly clock: Clock },
    options: BacklogOptions,
    telemetry: Telemetry,
  ) {
    this.#queue = queue
    this.#recovery = recovery
    this.#clock = clock
    this.#options = options
    this.#telemetry = telemetry
  }

  /** Why nothing more of a tenant can be taken for a channel; null while there is room. As of the last second. */
  refusal(channel: Channel, tenantId: string): Failure | null {
    const ready = this.#ready[channel] ?? 0
    const own = this.#held.get(channel)?.get(tenantId) ?? 0
    if (hasRoom(ready, own, this.#options.maxReady)) return null
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
      this.#held = await this.#heldOf(
        QUEUED_CHANNELS.filter((channel) => ready[channel] >= this.#options.maxReady),
      )
      this.#ready = ready
      for (const channel of QUEUED_CHANNELS) metrics.queueDepth.set({ queue: channel }, ready[channel])
      metrics.queueDepth.set({ queue: 'delay' }, delayed)
    } catch (err) {
      // An old figure must not keep the door shut; what cannot be queued waits in the ledger.
      this.#ready = {}
      this.#held = new Map()
      log.event('queue.unavailable', { err })
    }
    try {
      const oldest = await this.#recovery.oldestDue()
      metrics.queueAge.set(oldest === null ? 0 : Math.max(0, (this.#clock.now() - oldest) / 1000))
    } catch (err) {
      log.event('ledger.unavailable', { err })
    }
  }

  async #heldOf(
    channels: readonly QueuedChannel[],
  ): Promise<ReadonlyMap<Channel, ReadonlyMap<string, number>>> {
    const held = await Promise.all(channels.map((channel) => this.#queue.held(channel)))
    return new Map(channels.map((channel, n) => [channel, held[n] ?? new Map()]))
  }
}
