import { LRUCache } from 'lru-cache'
import type { RateCounters, RateKey, RateLimits } from '../../streams/ports.js'
import { userKey } from './user-key.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** About 200 bytes each. */
const MAX_USERS = 100_000

interface Windows {
  hour: number
  inHour: number
  day: number
  inDay: number
}

/**
 * Counts in this process, by tenant and user over all channels, in clock hours and days (UTC).
 * Above `maxUsers` the counts of those who were sent nothing for longest are forgotten, so that
 * such a user may be sent more than the limit.
 */
export class MemoryRateCounters implements RateCounters {
  readonly #users: LRUCache<string, Windows>

  constructor(maxUsers = MAX_USERS) {
    this.#users = new LRUCache({ max: maxUsers })
  }

  async take(keys: readonly RateKey[], limits: RateLimits, now: number): Promise<readonly boolean[]> {
    return keys.map((key) => {
      const windows = this.#windows(userKey(key), Math.floor(now / HOUR_MS), Math.floor(now / DAY_MS))
      if (windows.inHour >= limits.perHour || windows.inDay >= limits.perDay) return false
      windows.inHour += 1
      windows.inDay += 1
      return true
    })
  }

  /** The user's windows, begun anew when the clock has left them. A clock that steps back stays in the later window. */
  #windows(user: string, hour: number, day: number): Windows {
    const windows = this.#users.get(user)
    if (windows === undefined) {
      const fresh = { hour, inHour: 0, day, inDay: 0 }
      this.#users.set(user, fresh)
      return fresh
    }
    if (hour > windows.hour) Object.assign(windows, { hour, inHour: 0 })
    if (day > windows.day) Object.assign(windows, { day, inDay: 0 })
    return windows
  }
}
