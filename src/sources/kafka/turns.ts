import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../telemetry/log.js'
import { type Place, placeKey } from './records.js'
import type { Standing } from './standing.js'

export interface TurnPorts {
  readonly session: {
    readonly assigned: readonly Place[]
    readonly joined: number
    pause(places: readonly Place[]): void
    resume(places: readonly Place[]): void
  }
  readonly holds: { has(place: Place): boolean }
  /** When something last came of a partition, by `performance.now()`; null: not yet. */
  readonly seen: (place: Place) => number | null
  readonly log: Log
  readonly signal: AbortSignal
}

const TURN_MS = 2_000
const LOOK_MS = 50

/**
 * A record that is larger than a fetch is sent only when its partition is the first of the fetch that has
 * anything (KIP-74), and kafkajs always asks in the same order: behind partitions that are never empty it
 * would never come. So whoever has waited for long is asked for alone, for a moment.
 */
export class Turns {
  /** Where a turn brought nothing, and how far the partition went then: the rest may be no records at all. */
  readonly #inVain = new Map<string, bigint>()

  readonly #patienceMs: number

  /** @param patienceMs of a partition of which nothing comes, although there is something */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  async give(standings: readonly Standing[], ports: TurnPorts): Promise<void> {
    const { session, holds, seen, log, signal } = ports
    const mine = new Set(session.assigned.map(placeKey))
    for (const standing of standings) {
      const key = placeKey(standing)
      const last = Math.max(seen(standing) ?? 0, session.joined)
      const waits = standing.lag > 0 && performance.now() - last > this.#patienceMs
      if (!waits || !mine.has(key) || holds.has(standing) || this.#inVain.get(key) === standing.end) continue
      if (signal.aborted) return
      const others = session.assigned.filter((place) => placeKey(place) !== key && !holds.has(place))
      const { topic, partition } = standing
      log.event('kafka.partition_preferred', { topic, partition, lag: standing.lag })
      session.pause(others)
      try {
        if (await came(() => seen(standing) !== null && (seen(standing) ?? 0) > last, signal)) {
          this.#inVain.delete(key)
        } else this.#inVain.set(key, standing.end)
      } finally {
        session.resume(others.filter((place) => !holds.has(place)))
      }
    }
  }
}

async function came(seen: () => boolean, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + TURN_MS
  while (!seen() && !signal.aborted && performance.now() < end) await delay(LOOK_MS)
  return seen()
}
