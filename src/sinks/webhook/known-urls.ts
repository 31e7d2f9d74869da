import { LRUCache } from 'lru-cache'
import { canonicalAddress } from '../../model/address.js'
import { type Destination, destinationOf } from '../outbound/client.js'
import { readWebhookUrl, type WebhookUrlPolicy } from './url-policy.js'

const MOST_KNOWN = 2_000

/** A URL that may be called. */
export interface KnownUrl extends Destination {
  /** For messages. */
  readonly host: string
  /** In its canonical spelling. */
  readonly url: string
}

/** URLs as the policy judges them. Most are called again and again, and to read one costs as much as to sign. */
export class KnownUrls {
  readonly #policy: WebhookUrlPolicy
  readonly #known = new LRUCache<string, KnownUrl>({ max: MOST_KNOWN })

  constructor(policy: WebhookUrlPolicy) {
    this.#policy = policy
  }

  /** The URL, or what is wrong with it, as the end of a sentence. */
  find(text: string): KnownUrl | string {
    const known = this.#known.get(text) ?? this.#read(text)
    if (typeof known !== 'string') this.#known.set(text, known)
    return known
  }

  #read(text: string): KnownUrl | string {
    const url = readWebhookUrl(text, this.#policy)
    if (typeof url === 'string') return url
    return { ...destinationOf(url), host: url.host, url: canonicalAddress('webhook', text) }
  }
}
