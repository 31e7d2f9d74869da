import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** In characters. Senders choose the URLs that are looked up, and what is kept must not grow with their length. */
const LONGEST_KEY = 256

export interface LookupCacheOptions<V> {
  /** Most keys that are known at once. */
  readonly max: number
  readonly ttlMs: number
  /** False while changes may be missed: then nothing is read from the cache nor put into it. */
  readonly enabled: () => boolean
  /** Bounds what all values weigh together, in the same unit as `of`; a value that is heavier alone is not kept. */
  readonly weight?: { readonly max: number; readonly of: (value: V) => number }
}

/** Wrapped, because what is known not to exist is known too. */
interface Known<V> {
  readonly value: V | undefined
}

/**
 * What was looked up lately: the least recently used goes first, and all of it after `ttlMs`.
 * A value whose key was forgotten while it was being loaded may be older than the change, and is not kept.
 */
export class LookupCache<V> {
  readonly #known: LRUCache<string, Known<V>>
  readonly #enabled: () => boolean
  /** The keys of each load that is under way, without those that were forgotten since it began. */
  readonly #loads = new Set<Set<string>>()

  constructor({ max, ttlMs, enabled, weight }: LookupCacheOptions<V>) {
    this.#enabled = enabled
    this.#known = new LRUCache({
      max,
      ttl: ttlMs,
      ...(weight && {
        maxSize: weight.max,
        sizeCalculation: ({ value }) => (value === undefined ? 1 : 1 + weight.of(value)),
      }),
    })
  }

  /**
   * In order. `load` is asked once for the keys that are not known, each once; a key that it leaves
   * out stands for undefined and is kept as well.
   */
  async find(
    keys: readonly string[],
    load: (missing: readonly string[]) => Promise<ReadonlyMap<string, V>>,
  ): Promise<readonly (V | undefined)[]> {
    const found = new Map<string, V | undefined>()
    const missing = new Set<string>()
    const enabled = this.#enabled()
    for (const key of keys) {
      const known = enabled ? this.#known.get(nameOf(key)) : undefined
      if (known === undefined) missing.add(key)
      else found.set(key, known.value)
    }
    if (missing.size > 0) {
      const loaded = await this.#load(missing, load)
      for (const key of missing) found.set(key, loaded.get(key))
    }
    return keys.map((key) => found.get(key))
  }

  forget(key: string): void {
    this.#known.delete(nameOf(key))
    for (const load of this.#loads) load.delete(key)
  }

  clear(): void {
    this.#known.clear()
    for (const load of this.#loads) load.clear()
  }

  async #load(
    missing: ReadonlySet<string>,
    load: (missing: readonly string[]) => Promise<ReadonlyMap<string, V>>,
  ): Promise<ReadonlyMap<string, V>> {
    const unchanged = new Set(missing)
    this.#loads.add(unchanged)
    try {
      const loaded = await load([...missing])
      if (this.#enabled())
        for (const key of unchanged) this.#known.set(nameOf(key), { value: loaded.get(key) })
      return loaded
    } finally {
      this.#loads.delete(unchanged)
    }
  }
}

/**
 * What a key is remembered by. No two share one: no key begins with a line end, and UTF-16 keeps apart what
 * UTF-8 cannot spell.
 */
const nameOf = (key: string): string =>
  key.length <= LONGEST_KEY ? key : `\n${createHash('sha256').update(key, 'utf16le').digest('base64url')}`
