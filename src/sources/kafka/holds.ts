import type { Metrics } from '../../telemetry/metrics.js'
import { type Place, placeKey } from './records.js'

/** The partitions that go no further for now. */
export class Holds {
  readonly #held = new Map<string, { readonly timer: NodeJS.Timeout; readonly resume: () => void }>()
  readonly #metrics: Pick<Metrics, 'kafkaPaused'>

  constructor(metrics: Pick<Metrics, 'kafkaPaused'>) {
    this.#metrics = metrics
  }

  /** @param pause stops the fetching from a partition, and gives what begins it again */
  hold(place: Place, ms: number, pause: () => () => void): void {
    const key = placeKey(place)
    this.#release(key)
    const timer = setTimeout(() => this.#release(key), ms)
    this.#held.set(key, { timer, resume: pause() })
    this.#count()
  }

  /** All at once: whoever fetched is gone. */
  clear(): void {
    for (const key of this.#held.keys()) this.#release(key)
  }

  #release(key: string): void {
    const held = this.#held.get(key)
    if (held === undefined) return
    clearTimeout(held.timer)
    this.#held.delete(key)
    held.resume()
    this.#count()
  }

  #count(): void {
    this.#metrics.kafkaPaused.set(this.#held.size)
  }
}
