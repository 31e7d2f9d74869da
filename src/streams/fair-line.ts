/** What waits, by flow: each takes its turn, however much another has waiting. Within a flow first in, first out. */
export class FairLine<T> {
  /** In the order of their turns. */
  readonly #flows = new Map<string, T[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  held(flow: string): number {
    return this.#flows.get(flow)?.length ?? 0
  }

  add(flow: string, item: T): void {
    const waiting = this.#flows.get(flow)
    if (waiting === undefined) this.#flows.set(flow, [item])
    else waiting.push(item)
    this.#size += 1
  }

  take(max: number): T[] {
    const taken: T[] = []
    const share = Math.max(1, Math.floor(max / Math.max(1, this.#flows.size)))
    // Whose turn is over goes to the end, and comes again in the same walk.
    for (const [flow, waiting] of this.#flows) {
      const room = Math.min(share, max - taken.length)
      if (room <= 0) break
      for (const item of waiting.splice(0, room)) taken.push(item)
      this.#flows.delete(flow)
      if (waiting.length > 0) this.#flows.set(flow, waiting)
    }
    this.#size -= taken.length
    return taken
  }
}
