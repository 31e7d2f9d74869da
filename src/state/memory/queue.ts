import { byQueuedChannel, QUEUED_CHANNELS, type QueuedChannel } from '../../model/notification.js'
import type { DelayEntry, Epoch, Queue, QueueDepth, ReadyEntry } from '../../streams/ports.js'
import { FairLane } from './fair-lane.js'
import { SortedIds } from './sorted-ids.js'

/** About 300 bytes each. */
const MAX_IDS = 500_000
/** How many ids that are due change their line at once: a few milliseconds. */
const MOVED_AT_ONCE = 2_000

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
  readonly #tenants = new Map<string, string>()
  /** What has fallen due and was not taken yet. */
  readonly #due = new FairLane(new Map())
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
    for (const { id, tenantId, dueAt } of entries) {
      const known = this.#delayed.has(id)
      if (!known && room <= 0) {
        refused += 1
        continue
      }
      this.#delayed.set(id, dueAt)
      this.#tenants.set(id, tenantId)
      if (!known) room -= 1
    }
    this.#refuse(refused)
  }

  async takeDue(now: number, max: number): Promise<readonly string[]> {
    if (max <= 0) return []
    for (const id of this.#delayed.take(MOVED_AT_ONCE, now)) {
      const tenantId = this.#tenants.get(id) ?? ''
      this.#tenants.delete(id)
      if (!this.#due.has(id)) this.#due.add({ id, tenantId, priority: 'high' })
    }
    return this.#due.take(max)
  }

  async depth(): Promise<QueueDepth> {
    const inLanes = (channel: QueuedChannel) =>
      this.#lanes[channel].critical.size + this.#lanes[channel].ready.size
    return {
      ready: byQueuedChannel(inLanes),
      delayed: this.#delayed.size + this.#due.size,
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
    let used = this.#delayed.size + this.#due.size
    for (const channel of QUEUED_CHANNELS) {
      used += this.#lanes[channel].critical.size + this.#lanes[channel].ready.size
    }
    return this.#maxIds - used
  }

  #refuse(count: number): void {
    if (count > 0) throw new Error(`The queue in memory is full: ${count} ids were left to the sweeper`)
  }
}
