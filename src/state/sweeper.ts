import type { Channel } from '../model/notification.js'
import type { Clock, Epoch, Queue, ReadyEntry } from '../streams/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { PendingEntry, Recovery } from './postgres/recovery.js'

export interface SweeperOptions {
  readonly intervalMs: number
  /** How long something may be overdue before it counts as lost to the queue. */
  readonly graceMs: number
  /** How far ahead the delay set is filled. */
  readonly horizonMs: number
}

/** Who of several instances that share a queue reads again what it should hold. */
export interface SweepTurns {
  /** Whether nobody else has the turn; this instance has it then, for `ms`. */
  take(ms: number): Promise<boolean>
}

export interface SweeperPorts {
  readonly recovery: Pick<Recovery, 'dueBetween' | 'returnLeases'>
  readonly queue: Queue & Epoch
  readonly turns: SweepTurns
  readonly clock: Clock
}

const PAGE = 2_000
/** Rows that were being committed while the last sweep looked are looked for again. */
const OVERLAP_MS = 60_000
const SINCE_EVER = 0
/** The share of an interval for which a turn is taken: at the next sweep of the same instance it is over. */
const TURN = 0.9

/**
 * Keeps the queue in step with the ledger: returns leases that ran out, adds what is overdue
 * and not queued, loads what falls due within the horizon, and builds everything anew when
 * the queue was lost. Instances take turns at reading what is overdue, which may be much; to sweep at once
 * is harmless, because adding twice is.
 */
export class Sweeper {
  readonly #ports: SweeperPorts
  readonly #options: SweeperOptions
  readonly #telemetry: Telemetry
  #loadedUntil = SINCE_EVER
  #suspicious = false
  #timer: NodeJS.Timeout | undefined
  #sweeping: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(ports: SweeperPorts, options: SweeperOptions, telemetry: Telemetry) {
    this.#ports = ports
    this.#options = options
    this.#telemetry = telemetry
  }

  /** Sweeps once, so that what was there before is queued, and then at every interval. */
  async start(): Promise<void> {
    await this.#sweepAndLog()
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#sweeping
  }

  /** The queue has missed something: the next sweep builds all of it anew. */
  suspect(): void {
    this.#suspicious = true
  }

  /** Resolves to how many notifications were added to the queue. */
  async sweep(): Promise<number> {
    const { queue, clock, turns } = this.#ports
    const { intervalMs, graceMs, horizonMs } = this.#options
    const lost = this.#suspicious || !(await queue.intact())
    const now = clock.now()
    const returned = await this.#returnLeases()
    const until = now + horizonMs
    if (lost) {
      this.#suspicious = false
      const restored = await this.#restore(SINCE_EVER, until)
      await queue.markIntact()
      this.#loadedUntil = until
      this.#telemetry.log.event('sweeper.rebuilt', { restored })
      return returned + restored
    }
    const isOurTurn = await turns.take(Math.ceil(intervalMs * TURN))
    if (!isOurTurn && this.#loadedUntil !== SINCE_EVER) return returned
    const overdue = await this.#restore(SINCE_EVER, now - graceMs)
    const upcoming = await this.#restore(Math.max(now - graceMs, this.#loadedUntil - OVERLAP_MS), until)
    this.#loadedUntil = until
    return returned + overdue + upcoming
  }

  async #returnLeases(): Promise<number> {
    const { log } = this.#telemetry
    const { pending, abandoned } = await this.#ports.recovery.returnLeases(PAGE)
    for (const { id, channel, status } of abandoned) {
      const event = status === 'uncertain' ? 'notification.uncertain' : 'notification.failed'
      log.event(event, { notification_id: id, channel, reason: 'abandoned' })
    }
    if (pending.length === 0) return 0
    await this.#enqueue(pending)
    log.event('sweeper.leases_returned', { items: pending.length })
    return pending.length
  }

  async #restore(after: number, until: number): Promise<number> {
    let restored = 0
    for await (const page of this.#ports.recovery.dueBetween(after, until, PAGE)) {
      await this.#enqueue(page)
      restored += page.length
      if (this.#stopped) break
    }
    return restored
  }

  async #enqueue(entries: readonly PendingEntry[]): Promise<void> {
    const { queue } = this.#ports
    const ready = entries.flatMap(readyEntry)
    const waiting = entries.filter(({ admitted }) => !admitted)
    await Promise.all([
      ready.length > 0 ? queue.push(ready) : undefined,
      waiting.length > 0 ? queue.delay(waiting) : undefined,
    ])
  }

  #schedule(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#sweeping = this.#sweepAndLog().then(() => this.#schedule())
    }, this.#options.intervalMs)
  }

  async #sweepAndLog(): Promise<void> {
    try {
      await this.sweep()
    } catch (err) {
      this.#suspicious = true
      this.#telemetry.log.event('sweeper.failed', { err })
    }
  }
}

function readyEntry({ id, channel, priority, tenantId, admitted }: PendingEntry): ReadyEntry[] {
  return admitted && isQueued(channel) ? [{ id, channel, priority, tenantId }] : []
}

const isQueued = (channel: Channel): channel is ReadyEntry['channel'] => channel !== 'in_app'
