import { STEP } from '../../model/priority.js'
import type { ReadyEntry } from '../../streams/ports.js'
import { SortedIds } from './sorted-ids.js'

interface Place {
  readonly flow: string
  readonly tenantId: string
  readonly place: number
}

/**
 * A queue with a turn for each flow, which is a tenant and a priority: self-clocked fair queueing (Golestani,
 * INFOCOM 1994). An entry's place is one step behind the last of its flow, or behind the place that was taken
 * last where the flow is empty. A lane that is empty begins anew.
 */
export class FairLane {
  readonly #ids = new SortedIds()
  readonly #places = new Map<string, Place>()
  readonly #last = new Map<string, number>()
  readonly #held: Map<string, number>
  #taken = 0

  /** @param held counts what each tenant has here and in other lanes of the channel */
  constructor(held: Map<string, number>) {
    this.#held = held
  }

  get size(): number {
    return this.#places.size
  }

  has(id: string): boolean {
    return this.#places.has(id)
  }

  /** Adds an id that is not here. */
  add({ id, priority, tenantId }: Omit<ReadyEntry, 'channel'>): void {
    const step = STEP[priority]
    const flow = `${step} ${tenantId}`
    const place = Math.max(this.#last.get(flow) ?? 0, this.#taken) + step
    this.#ids.set(id, place)
    this.#places.set(id, { flow, tenantId, place })
    this.#last.set(flow, place)
    this.#held.set(tenantId, (this.#held.get(tenantId) ?? 0) + 1)
  }

  take(max: number): string[] {
    const ids = this.#ids.take(max)
    for (const id of ids) this.#leave(id)
    if (this.#places.size === 0) {
      this.#last.clear()
      this.#taken = 0
    }
    return ids
  }

  #leave(id: string): void {
    const left = this.#places.get(id)
    if (left === undefined) return
    const { flow, tenantId, place } = left
    this.#places.delete(id)
    this.#taken = place
    if (this.#last.get(flow) === place) this.#last.delete(flow)
    const others = (this.#held.get(tenantId) ?? 1) - 1
    if (others > 0) this.#held.set(tenantId, others)
    else this.#held.delete(tenantId)
  }
}
