import type { QueuedChannel } from '../model/notification.js'
import type { DelayEntry, Epoch, Queue, QueueDepth, ReadyEntry } from '../streams/ports.js'

/** A queue that tells when it has missed something, so that it can be rebuilt as soon as it is back. */
export class WatchedQueue implements Queue, Epoch {
  readonly #queue: Queue & Epoch
  #onMissed: () => void = () => undefined

  constructor(queue: Queue & Epoch) {
    this.#queue = queue
  }

  onMissed(listener: () => void): void {
    this.#onMissed = listener
  }

  push(entries: readonly ReadyEntry[]): Promise<void> {
    return this.#watch(this.#queue.push(entries))
  }

  delay(entries: readonly DelayEntry[]): Promise<void> {
    return this.#watch(this.#queue.delay(entries))
  }

  /** A reply that is lost takes with it the ids that it carried. */
  take(channel: QueuedChannel, max: number): Promise<readonly string[]> {
    return this.#watch(this.#queue.take(channel, max))
  }

  takeDue(now: number, max: number): Promise<readonly string[]> {
    return this.#watch(this.#queue.takeDue(now, max))
  }

  depth(): Promise<QueueDepth> {
    return this.#queue.depth()
  }

  held(channel: QueuedChannel): Promise<ReadonlyMap<string, number>> {
    return this.#queue.held(channel)
  }

  onReady(listener: (channel: QueuedChannel) => void): () => void {
    return this.#queue.onReady(listener)
  }

  intact(): Promise<boolean> {
    return this.#queue.intact()
  }

  markIntact(): Promise<void> {
    return this.#queue.markIntact()
  }

  async #watch<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      this.#onMissed()
      throw error
    }
  }
}
