import { byQueuedChannel, QUEUED_CHANNELS, type QueuedChannel } from '../../model/notification.js'
import type { DelayEntry, Epoch, Queue, QueueDepth, ReadyEntry } from '../../streams/ports.js'
import { FairLane } from './fair-lane.js'
import { SortedIds } from './sorted-ids.js'

/** About 150 bytes each. */
const MAX_IDS = 500_000

interface Lanes {
  readonly critical: FairLane
  readonly ready: FairLane
  /** How many each tenant has in both. */
  readonly held: ReadonlyMap<string, number>
}

function emptyLanes(): Lanes {
  const held = new Map<string, number>()
  return { critical: new FairLane(held), ready: new FairLane(held), held }
}

/**
 * The index in this process: to the rest of the system a Redis that was lost at the last
 * restart. Full, it takes no more ids and rejects; the ledger has them and the sweeper brings them later.
 */
export class MemoryQueue implements Queue, Epoch {
  readonly #lanes: Record<QueuedChannel, Lanes> = byQueuedChannel(emptyLanes)
  readonly #delayed = new SortedIds()
  readonly #listeners = new Set<(channel: QueuedChannel) => void>()
  readonly #maxIds: number
  #intact = false

  /** @param maxIds how many ids all lanes and the delay set hold together */
  constructor(maxIds = MAX_IDS) {
    this.#maxIds = maxIds
  }

  async push(entries: readonly ReadyEntry[]): Promise<void> {
    let room = this.#room()
    let refused = 0
    const channels = new Set<QueuedChannel>()
    for (const entry of entries) {
      const { id, channel, priority } = entry
      const lane = this.#lanes[channel][priority === 'critical' ? 'critical' : 'ready']
      channels.add(channel)
      if (lane.has(id)) continue
      if (room <= 0) {
        refused += 1
        continue
      }
      lane.add(entry)
      room -= 1
    }
    for (const channel of channels) for (const listener of this.#listeners) listener(channel)
    this.#refuse(refused)
  }

  async take(channel: QueuedChannel, max: number): Promise<readonly string[]> {
    const { critical, ready } = this.#lanes[channel]
    const ids = critical.take(max)
    return ids.length < max ? ids.concat(ready.take(max - ids.length)) : ids
  }

  async delay(entries: readonly DelayEntry[]): Promise<void> {
    let room = this.#room()
    let refused = 0
    for (const { id, dueAt } of entries) {
      if (this.#delayed.has(id)) {
        this.#delayed.set(id, dueAt)
      } else if (room > 0) {
        this.#delayed.set(id, dueAt)
        room -= 1
      } else {
        refused += 1
      }
    }
    this.#refuse(refused)
  }

  async takeDue(now: number, max: number): Promise<readonly string[]> {
    return this.#delayed.take(max, now)
  }

  async depth(): Promise<QueueDepth> {
    const inLanes = (channel: QueuedChannel) =>
      this.#lanes[channel].critical.size + this.#lanes[channel].ready.size
    return {
      ready: byQueuedChannel(inLanes),
      delayed: this.#delayed.size,
    }
  }

  async held(channel: QueuedChannel): Promise<ReadonlyMap<string, number>> {
    return new Map(this.#lanes[channel].held)
  }

  onReady(listener: (channel: QueuedChannel) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async intact(): Promise<boolean> {
    return this.#intact
  }

  async markIntact(): Promise<void> {
    this.#intact = true
  }

  #room(): number {
    let used = this.#delayed.size
    for (const channel of QUEUED_CHANNELS) {
      used += this.#lanes[channel].critical.size + this.#lanes[channel].ready.size
    }
    return this.#maxIds - used
  }

  #refuse(count: number): void {
    if (count > 0) throw new Error(`The queue in memory is full: ${count} ids were left to the sweeper`)
  }
}
