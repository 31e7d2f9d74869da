import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { PaceKey, Pacer } from '../../streams/ports.js'
import { currentPlace, timeOfPlace } from '../pace.js'

const MAX_TARGETS = 100_000
const LONGEST = 128

/** URLs may be long, and there may be many. */
const shortened = (target: string): string =>
  target.length <= LONGEST ? target : createHash('sha256').update(target).digest('base64url')

/** The places in this process. Targets used least recently are forgotten. */
export class MemoryPacer implements Pacer {
  readonly #next = new LRUCache<string, number>({ max: MAX_TARGETS })

  async reserve(keys: readonly PaceKey[], perMinute: number, now: number): Promise<readonly number[]> {
    const current = currentPlace(now, perMinute)
    return keys.map(({ tenantId, target }) => {
      const key = `${perMinute}\n${tenantId}\n${shortened(target)}`
      const place = Math.max(this.#next.get(key) ?? 0, current)
      this.#next.set(key, place + 1)
      return timeOfPlace(place, perMinute, now)
    })
  }
}
