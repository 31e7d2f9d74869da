import { Failure } from '../../model/failure.js'

export interface TurnsOptions {
  readonly atOnce: number
  /** Of all that waits; what finds nobody waiting is let in whatever its size. */
  readonly waitingBytes: number
  readonly waitingMs: number
}

interface Waiting {
  readonly begin: () => void
}

/** What one that waits costs besides its bytes. */
const BYTES_EACH = 16 * 1_024

/** Lets heavy work go to the database a few at a time, in order, so that light work finds connections free. */
export class Turns {
  readonly #options: TurnsOptions
  readonly #waiting = new Set<Waiting>()
  #running = 0
  #bytes = 0

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** @throws Failure `overloaded` when it is not begun: too much is waiting, or it has waited too long */
  async take<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#options.atOnce) this.#running += 1
    else await this.#wait(bytes + BYTES_EACH)
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  /** Whoever ends hands over the place, so that nobody who comes at that moment takes it. */
  #next(): void {
    const [first] = this.#waiting
    if (first === undefined) this.#running -= 1
    else first.begin()
  }

  #wait(bytes: number): Promise<void> {
    const { waitingBytes, waitingMs } = this.#options
    if (this.#bytes > 0 && this.#bytes + bytes > waitingBytes) throw overloaded()
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(waiting)
        this.#bytes -= bytes
      }
      const timer = setTimeout(() => {
        leave()
        reject(overloaded())
      }, waitingMs)
      const waiting: Waiting = {
        begin: () => {
          leave()
          resolve()
        },
      }
      this.#waiting.add(waiting)
      this.#bytes += bytes
    })
  }
}

const overloaded = (): Failure =>
  new Failure('overloaded', 'too many attachments are waiting to be kept', { retryAfterMs: 1_000 })
