import { LRUCache } from 'lru-cache'

const LASTS_MS = 600_000
const MAX_TENANTS = 1_000
/** What a tenant may spend on slow texts, of the time that passes. */
const SHARE = 0.1

interface Allowance {
  ms: number
  at: number
}

/**
 * The tenants whose texts have taken too long lately. They are rendered apart from the others, so that they
 * wait for each other only; and since others may be in a batch with them, for a limited part of the time.
 */
export class Quarantine {
  readonly #atOnceMs: number
  readonly #now: () => number
  readonly #tenants: LRUCache<string, Allowance>

  /** @param atOnceMs what a tenant that has spent nothing may spend on slow texts */
  constructor(atOnceMs: number, now: () => number = () => performance.now()) {
    this.#atOnceMs = atOnceMs
    this.#now = now
    this.#tenants = new LRUCache({ max: MAX_TENANTS, ttl: LASTS_MS, perf: { now }, ttlResolution: 0 })
  }

  holds(tenantId: string): boolean {
    return this.#tenants.has(tenantId)
  }

  /** Begins anew for a tenant that is in already; what it has spent stays spent. */
  put(tenantId: string): void {
    this.#tenants.set(tenantId, this.#allowance(tenantId))
  }

  release(tenantId: string): void {
    this.#tenants.delete(tenantId)
  }

  charge(tenantId: string, ms: number): void {
    const allowance = this.#allowance(tenantId)
    if (this.#tenants.has(tenantId))
      this.#tenants.set(tenantId, { ...allowance, ms: allowance.ms - ms }, KEEP_TTL)
  }

  /** Milliseconds until it may render again; 0 when it may. */
  waitMs(tenantId: string): number {
    const { ms } = this.#allowance(tenantId)
    return ms > 0 ? 0 : Math.ceil((1 - ms) / SHARE)
  }

  #allowance(tenantId: string): Allowance {
    const now = this.#now()
    const { ms, at } = this.#tenants.get(tenantId) ?? { ms: this.#atOnceMs, at: now }
    return { ms: Math.min(this.#atOnceMs, ms + (now - at) * SHARE), at: now }
  }
}

const KEEP_TTL = { noUpdateTTL: true } as const
