import { type Figures, lastingFigures } from '../telemetry/figures.js'
import type { WorkerProcess } from './worker-process.js'

/**
 * The figures of all workers, those included that have ended: what they counted is kept, or a sum that Prometheus
 * reads would fall with each of them and be taken for a new beginning. Of one that was killed it is what was read last.
 */
export class Gathering {
  readonly #running = new Set<WorkerProcess>()
  #departed: Promise<Figures> = Promise.resolve([])
  #gathering: Promise<readonly Figures[]> | null = null

  /** Counts a worker in, for as long as it runs and, with what it has counted, thereafter. */
  add(worker: WorkerProcess): void {
    this.#running.add(worker)
    void worker.ended.then(() => {
      this.#running.delete(worker)
      this.#departed = this.#departed.then((departed) => lastingFigures([departed, worker.lastFigures]))
    })
  }

  /** Whoever asks while it is being measured gets the same figures. */
  gather(): Promise<readonly Figures[]> {
    this.#gathering ??= this.#measure().finally(() => {
      this.#gathering = null
    })
    return this.#gathering
  }

  async #measure(): Promise<readonly Figures[]> {
    // Both as of now: who ends meanwhile is counted once.
    const departed = this.#departed
    const measured = await Promise.all([...this.#running].map((worker) => worker.measure()))
    return [...measured, await departed]
  }
}
