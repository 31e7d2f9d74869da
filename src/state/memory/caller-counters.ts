import { LRUCache } from 'lru-cache'
import type { CallerCount, CallerCounters } from '../../api/ports.js'
import type { UserAddress } from '../../streams/ports.js'
import { userKey } from './user-key.js'

const MINUTE_MS = 60_000
/** About 200 bytes each. */
const MAX_CALLERS = 50_000

interface Window {
  count: number
  readonly endsAt: number
}

/** Counts in this process. Above `maxCallers` those who called least recently are forgotten. */
export class MemoryCallerCounters implements CallerCounters {
  readonly #windows: LRUCache<string, Window>
  readonly #windowMs: number

  constructor({ windowMs = MINUTE_MS, maxCallers = MAX_CALLERS } = {}) {
    this.#windows = new LRUCache({ max: maxCallers })
    this.#windowMs = windowMs
  }

  async count(caller: UserAddress): Promise<CallerCount> {
    const key = userKey(caller)
    const now = performance.now()
    const current = this.#windows.get(key)
    const window = current !== undefined && current.endsAt > now ? current : this.#begin(key, now)
    window.count += 1
    return { count: window.count, resetMs: Math.ceil(window.endsAt - now) }
  }

  #begin(key: string, now: number): Window {
    const window = { count: 0, endsAt: now + this.#windowMs }
    this.#windows.set(key, window)
    return window
  }
}
