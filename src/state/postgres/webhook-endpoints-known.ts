import type { SuppressionReason } from '../../model/recipient.js'
import type { EndpointKey, Endpoints } from '../../streams/ports.js'
import { LookupCache } from '../lookup-cache.js'
import type { Sealing } from '../sealing.js'
import type { Changes } from './changes.js'
import type { Store } from './store.js'
import type { SealedSecret } from './webhook-endpoint-rows.js'
import { KNOWN, URLS } from './webhook-endpoint-statements.js'

const MOST_KNOWN = 20_000
const TTL_MS = 5 * 60_000
/** Characters of a URL, on average, for which there is room: few have more. */
const URL_LENGTH = 256

export interface KnownSecret {
  /** Null: it was sealed with a secret of the service that is not known any more. */
  readonly secret: string | null
  /** Epoch milliseconds; null: until it is replaced. */
  readonly expiresAt: number | null
}

/** What a URL of a tenant is registered as. */
export interface KnownEndpoint {
  /** False: it is only known to be suppressed. */
  readonly registered: boolean
  /** The newest first. */
  readonly secrets: readonly KnownSecret[]
  /** Why nothing goes there; null when it may be called. */
  readonly disabled: SuppressionReason | null
}

interface KnownRow {
  readonly tenant_id: string
  readonly url: string
  readonly id: string | null
  readonly secrets: readonly SealedSecret[] | null
  readonly reason: SuppressionReason | null
}

interface Asked {
  readonly keys: string[]
  readonly answers: Promise<readonly (KnownEndpoint | undefined)[]>
}

/** What this instance remembers of registered endpoints. What is asked for at the same moment goes in one statement. */
export class KnownEndpoints implements Endpoints {
  readonly #store: Store
  readonly #sealing: Sealing
  readonly #byUrl: LookupCache<KnownEndpoint>
  readonly #urls: LookupCache<string>
  #asked: Asked | null = null

  constructor(store: Store, changes: Changes, sealing: Sealing) {
    this.#store = store
    this.#sealing = sealing
    const options = { max: MOST_KNOWN, ttlMs: TTL_MS, enabled: () => changes.listening }
    this.#byUrl = new LookupCache(options)
    this.#urls = new LookupCache({
      ...options,
      weight: { max: MOST_KNOWN * URL_LENGTH, of: ({ length }) => length },
    })
    changes.on('notification_webhook_endpoints', ([tenantId, id = '', ...urls]) => {
      if (tenantId === undefined) this.#forgetAll()
      else for (const url of urls) this.forget(tenantId, id, url)
    })
    changes.on('notification_suppressions', ([tenantId, channel, address = '']) => {
      if (tenantId === undefined) this.#byUrl.clear()
      else if (channel === 'webhook') this.forgetUrl(tenantId, address)
    })
    changes.onGap(() => this.#forgetAll())
  }

  /** @param url in its canonical spelling */
  async find(tenantId: string, url: string): Promise<KnownEndpoint | null> {
    this.#asked ??= this.#ask()
    const { keys, answers } = this.#asked
    const place = keys.push(keyOf(tenantId, url)) - 1
    return (await answers)[place] ?? null
  }

  async urls(keys: readonly EndpointKey[]): Promise<readonly (string | null)[]> {
    const found = await this.#urls.find(
      keys.map(({ tenantId, id }) => keyOf(tenantId, id)),
      (missing) => this.#loadUrls(missing),
    )
    return found.map((url) => url ?? null)
  }

  forget(tenantId: string, id: string, url: string): void {
    this.forgetUrl(tenantId, url)
    this.#urls.forget(keyOf(tenantId, id))
  }

  forgetUrl(tenantId: string, url: string): void {
    this.#byUrl.forget(keyOf(tenantId, url))
  }

  #forgetAll(): void {
    this.#byUrl.clear()
    this.#urls.clear()
  }

  /** The question goes off once everybody has said what they ask for. */
  #ask(): Asked {
    const keys: string[] = []
    const answers = Promise.resolve().then(() => {
      this.#asked = null
      return this.#byUrl.find(keys, (missing) => this.#load(missing))
    })
    return { keys, answers }
  }

  async #load(keys: readonly string[]): Promise<ReadonlyMap<string, KnownEndpoint>> {
    const wanted = keys.map((key) => {
      const [tenant_id, url] = partsOf(key)
      return { tenant_id, url }
    })
    const rows = await this.#store.run<KnownRow>(KNOWN, [JSON.stringify(wanted)])
    return new Map(rows.map((row) => [keyOf(row.tenant_id, row.url), this.#toKnown(row)]))
  }

  async #loadUrls(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const wanted = keys.map((key) => {
      const [tenant_id, id] = partsOf(key)
      return { tenant_id, id }
    })
    const rows = await this.#store.run<{ tenant_id: string; id: string; url: string }>(URLS, [
      JSON.stringify(wanted),
    ])
    return new Map(rows.map(({ tenant_id, id, url }) => [keyOf(tenant_id, id), url]))
  }

  #toKnown({ id, secrets, reason }: KnownRow): KnownEndpoint {
    return {
      registered: id !== null,
      secrets: (secrets ?? []).map(({ sealed, expires_at }) => ({
        secret: id === null ? null : this.#sealing.open(sealed, id),
        expiresAt: expires_at,
      })),
      disabled: reason,
    }
  }
}

/** No name of a tenant holds a line end. */
const keyOf = (tenantId: string, name: string): string => `${tenantId}\n${name}`

function partsOf(key: string): readonly [string, string] {
  const end = key.indexOf('\n')
  return [key.slice(0, end), key.slice(end + 1)]
}
