interface Waiting<T> {
  readonly item: T
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const SIZE = 500

/** Writes together what arrives in one turn of the event loop or while earlier groups are written. */
export class GroupCommit<T> {
  readonly #inFlight: number
  readonly #write: (items: readonly T[]) => Promise<void>
  #waiting: Waiting<T>[] = []
  #busy = 0
  #scheduled = false

  /** @param inFlight most groups that are written at once */
  constructor(inFlight: number, write: (items: readonly T[]) => Promise<void>) {
    this.#inFlight = inFlight
    this.#write = write
  }

  add(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#busy >= this.#inFlight || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#commit()
    })
  }

  async #commit(): Promise<void> {
    const group = this.#waiting.splice(0, SIZE)
    this.#busy += 1
    try {
      await this.#write(group.map(({ item }) => item))
      for (const { resolve } of group) resolve()
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
    this.#busy -= 1
    this.#schedule()
  }
}
