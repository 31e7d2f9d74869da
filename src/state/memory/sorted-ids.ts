import { Heap } from 'heap-js'

interface Place {
  readonly id: string
  readonly score: number
}

/** Ids by score, and by id where scores are equal. A moved id leaves its old place in the heap until that surfaces. */
export class SortedIds {
  readonly #scores = new Map<string, number>()
  readonly #heap = new Heap<Place>(compare)

  get size(): number {
    return this.#scores.size
  }

  /** What is in the heap, left places included: at most twice the ids. */
  get places(): number {
    return this.#heap.length
  }

  has(id: string): boolean {
    return this.#scores.has(id)
  }

  /** Adds an id or moves it. */
  set(id: string, score: number): void {
    if (this.#scores.get(id) === score) return
    this.#scores.set(id, score)
    this.#heap.push({ id, score })
    if (this.#heap.length > 2 * this.#scores.size) this.#compact()
  }

  /** Removes and returns up to `max` ids whose score is at most `highest`, lowest first. */
  take(max: number, highest = Number.POSITIVE_INFINITY): string[] {
    const ids: string[] = []
    while (ids.length < max) {
      const first = this.#heap.peek()
      if (first === undefined || first.score > highest) break
      this.#heap.pop()
      if (this.#scores.get(first.id) !== first.score) continue
      this.#scores.delete(first.id)
      ids.push(first.id)
    }
    if (this.#heap.length > 2 * this.#scores.size) this.#compact()
    return ids
  }

  /** Drops places that were left, so that memory follows the ids that are here. */
  #compact(): void {
    this.#heap.init(Array.from(this.#scores, ([id, score]) => ({ id, score })))
  }
}

function compare(a: Place, b: Place): number {
  if (a.score !== b.score) return a.score - b.score
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
