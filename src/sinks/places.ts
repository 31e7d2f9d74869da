/** How many may do something at once; the next ones wait in line, each for its own time. */
export class Places {
  #free: number
  readonly #line = new Set<() => void>()

  constructor(places: number) {
    this.#free = places
  }

  /** How many stand in line. */
  get waiting(): number {
    return this.#line.size
  }

  /** Whether there was a place at once. */
  takeNow(): boolean {
    if (this.#free === 0) return false
    this.#free -= 1
    return true
  }

  /** Resolves to whether there was a place within the time. Whoever got one gives it back by `leave`. */
  async take(withinMs: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false
    if (this.takeNow()) return true
    return new Promise((resolve) => {
      const settle = (got: boolean): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
        this.#line.delete(next)
        resolve(got)
      }
      const next = (): void => settle(true)
      const giveUp = (): void => settle(false)
      const timer = setTimeout(giveUp, withinMs)
      signal.addEventListener('abort', giveUp, { once: true })
      this.#line.add(next)
    })
  }

  leave(): void {
    const [next] = this.#line
    if (next === undefined) this.#free += 1
    else next()
  }
}
