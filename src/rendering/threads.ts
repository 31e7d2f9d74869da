import { Thread, type ThreadOptions } from './thread.js'

/** What has just been started needs the processor itself. */
const SPARE_AFTER_MS = 1_000

/** Hands out threads and keeps one more that has started already, so that the loss of one holds nobody up. */
export class Threads {
  readonly #options: ThreadOptions
  readonly #given = new Set<Thread>()
  #spare: Thread | null
  #starting: NodeJS.Timeout | null = null

  constructor(options: ThreadOptions) {
    this.#options = options
    this.#spare = new Thread(options)
  }

  take(): Thread {
    for (const thread of this.#given) if (!thread.alive) this.#given.delete(thread)
    const taken = this.#spare?.alive ? this.#spare : new Thread(this.#options)
    this.#given.add(taken)
    this.#spare = null
    this.#starting ??= setTimeout(() => this.#startSpare(), SPARE_AFTER_MS).unref()
    return taken
  }

  async close(): Promise<void> {
    if (this.#starting) clearTimeout(this.#starting)
    await Promise.all([...this.#given, this.#spare].map((thread) => thread?.close()))
  }

  #startSpare(): void {
    this.#starting = null
    this.#spare = new Thread(this.#options)
  }
}
