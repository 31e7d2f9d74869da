import type { DeliveryFailureCode } from '../../model/outcome.js'
import type { SuppressionReason } from '../../model/recipient.js'
import type { Log } from '../../telemetry/log.js'
import type { Store } from './store.js'
import { SEEN } from './webhook-endpoint-statements.js'

const FLUSH_MS = 1_000
/** More than that are not counted in this second. */
const MOST_SEEN = 10_000

/** What was seen of one URL since it was last written. */
interface Seen {
  readonly tenantId: string
  readonly url: string
  succeeded: boolean
  /** Since the last success. */
  failures: number
  code: DeliveryFailureCode | null
  gone: boolean
}

interface StoppedRow {
  readonly tenant_id: string
  readonly address: string
  readonly reason: SuppressionReason
}

export interface WebhookHealthOptions {
  /** Milliseconds of failures without a success after which an endpoint is disabled; null: never. */
  readonly disableAfterMs: number | null
  /** Called for what is on the suppression list from now on. */
  readonly onStopped: (tenantId: string, url: string) => void
  readonly log: Log
}

/** How endpoints fare: counted here, and written once a second for all of them. */
export class WebhookHealth {
  readonly #store: Store
  readonly #options: WebhookHealthOptions
  readonly #timer: NodeJS.Timeout
  #seen = new Map<string, Seen>()
  #writing: ReadonlyMap<string, Seen> = new Map()
  #flushing: Promise<void> = Promise.resolve()

  constructor(store: Store, options: WebhookHealthOptions) {
    this.#store = store
    this.#options = options
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS).unref()
  }

  /** Whether the URL is gone, which may not be written yet. */
  isGone(tenantId: string, url: string): boolean {
    if (this.#seen.size === 0 && this.#writing.size === 0) return false
    const key = keyOf(tenantId, url)
    return (this.#seen.get(key) ?? this.#writing.get(key))?.gone ?? false
  }

  /** @param url in its canonical spelling */
  record(tenantId: string, url: string, outcome: 'sent' | DeliveryFailureCode): void {
    const key = keyOf(tenantId, url)
    const seen = this.#seen.get(key) ?? fresh(tenantId, url)
    if (!this.#seen.has(key)) {
      if (this.#seen.size >= MOST_SEEN) return
      this.#seen.set(key, seen)
    }
    if (outcome === 'sent') {
      seen.succeeded = true
      seen.failures = 0
      return
    }
    seen.failures += 1
    seen.code = outcome
    if (outcome !== 'gone' || seen.gone) return
    seen.gone = true
    // The sooner it is known, the fewer are accepted for it.
    void this.flush()
  }

  /** Writes what was seen so far. Never rejects: what cannot be written is kept for the next time. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write())
    return this.#flushing
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }

  async #write(): Promise<void> {
    if (this.#seen.size === 0) return
    const batch = this.#seen
    this.#seen = new Map()
    this.#writing = batch
    const { disableAfterMs, onStopped, log } = this.#options
    try {
      const rows = [...batch.values()].map(({ tenantId, ...seen }) => ({ tenant_id: tenantId, ...seen }))
      const values = [JSON.stringify(rows), disableAfterMs === null ? null : disableAfterMs / 1000]
      const stopped = await this.#store.run<StoppedRow>(SEEN, values)
      for (const { tenant_id, address, reason } of stopped) {
        onStopped(tenant_id, address)
        log.event('webhook.endpoint_disabled', { tenant_id, reason })
      }
    } catch (err) {
      log.event('webhook.health_unwritten', { err, endpoints: batch.size })
      for (const [key, earlier] of batch) this.#keep(key, earlier)
    } finally {
      this.#writing = new Map()
    }
  }

  /** In front of what was seen since. */
  #keep(key: string, earlier: Seen): void {
    const later = this.#seen.get(key)
    if (later === undefined) {
      if (this.#seen.size < MOST_SEEN) this.#seen.set(key, earlier)
      return
    }
    if (!later.succeeded) {
      later.succeeded = earlier.succeeded
      later.failures += earlier.failures
    }
    later.code ??= earlier.code
    later.gone ||= earlier.gone
  }
}

const fresh = (tenantId: string, url: string): Seen => ({
  tenantId,
  url,
  succeeded: false,
  failures: 0,
  code: null,
  gone: false,
})

const keyOf = (tenantId: string, url: string): string => `${tenantId}\n${url}`
