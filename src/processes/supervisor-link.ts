import type { Registry } from 'prom-client'
import { Failure } from '../model/failure.js'
import { type Figures, figuresOf, writeFigures } from '../telemetry/figures.js'
import { type FromWorker, fromSupervisor } from './messages.js'

export interface SupervisorOrders {
  readonly onStop: () => void
  readonly onRetire: () => void
  readonly onLogLevel: (level: string) => void
  /** The supervisor has ended. */
  readonly onAlone: () => void
}

/** How long the figures of all workers may take: longer than the supervisor waits for one that is busy. */
const GATHER_MS = 2_000
const FAREWELL_MS = 1_000

/** A worker's end of the line to its supervisor. */
export class SupervisorLink {
  readonly #registry: Registry
  readonly #gathering = new Map<number, (figures: readonly Figures[]) => void>()
  #asked = 0
  #scraping: Promise<string> | null = null

  constructor(registry: Registry) {
    this.#registry = registry
  }

  listen({ onStop, onRetire, onLogLevel, onAlone }: SupervisorOrders): void {
    process.on('message', (value) => {
      const message = fromSupervisor(value)
      if (message?.kind === 'stop') onStop()
      else if (message?.kind === 'retire') onRetire()
      else if (message?.kind === 'log_level') onLogLevel(message.level)
      else if (message?.kind === 'measure') void this.#tellFigures(message.id)
      else if (message?.kind === 'gathered') this.#gathering.get(message.id)?.(message.figures)
    })
    void this.#send({ kind: 'listening' })
    process.once('disconnect', onAlone)
    // It may have happened before anybody listened.
    if (!process.connected) onAlone()
  }

  ready(url: string): void {
    void this.#send({ kind: 'ready', url })
  }

  /**
   * The figures of all workers, in the text format. Whoever asks at the same time shares them.
   * @throws Failure `overloaded` when the supervisor does not answer within 2 s
   */
  scrape(): Promise<string> {
    this.#scraping ??= this.#gather()
      .then(writeFigures)
      .finally(() => {
        this.#scraping = null
      })
    return this.#scraping
  }

  /** Leaves the last figures to the supervisor, so that what was counted still counts. */
  async farewell(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FAREWELL_MS)
    })
    await Promise.race([this.#tellFigures(null), late])
    clearTimeout(timer)
  }

  #gather(): Promise<readonly Figures[]> {
    const id = this.#asked
    this.#asked += 1
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#gathering.delete(id)
        reject(
          new Failure('overloaded', 'the figures of the other processes did not come in time', {
            retryAfterMs: 1_000,
          }),
        )
      }, GATHER_MS)
      this.#gathering.set(id, (figures) => {
        clearTimeout(deadline)
        this.#gathering.delete(id)
        resolve(figures)
      })
      void this.#send({ kind: 'gather', id })
    })
  }

  async #tellFigures(id: number | null): Promise<void> {
    await this.#send({ kind: 'figures', id, figures: await figuresOf(this.#registry) })
  }

  /** Resolves when it is on its way, or when nobody is there to be told any more. */
  #send(message: FromWorker): Promise<void> {
    return new Promise((resolve) => {
      if (process.send === undefined || !process.connected) return resolve()
      process.send(message, undefined, undefined, () => resolve())
    })
  }
}
