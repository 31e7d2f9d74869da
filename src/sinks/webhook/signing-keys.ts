import { DeliveryFailure } from '../../model/outcome.js'
import type { WebhookEndpoint } from './endpoints.js'
import { signingKey } from './signature.js'

/** The keys that a call is signed with, the newest first: an endpoint's own, or else those of the service. */
export class SigningKeys {
  readonly #common: readonly Buffer[]
  /** As long as an endpoint is remembered. */
  readonly #own = new WeakMap<WebhookEndpoint, readonly Buffer[]>()

  /**
   * @param secrets of the service, the newest first
   * @throws Error when one cannot be used
   */
  constructor(secrets: readonly string[]) {
    this.#common = secrets.map(signingKey)
  }

  /**
   * @param now epoch milliseconds
   * @throws DeliveryFailure when the endpoint has secrets that cannot be read: a receiver would refuse others
   */
  of(endpoint: WebhookEndpoint | null, now: number): readonly Buffer[] {
    if (endpoint === null || endpoint.secrets.length === 0) return this.#common
    const keys = this.#own.get(endpoint) ?? keysOf(endpoint)
    this.#own.set(endpoint, keys)
    const { secrets } = endpoint
    const valid = ({ expiresAt }: { readonly expiresAt: number | null }): boolean =>
      expiresAt === null || expiresAt > now
    return secrets.every(valid) ? keys : keys.filter((_, n) => secrets.slice(n, n + 1).some(valid))
  }
}

function keysOf({ secrets }: WebhookEndpoint): readonly Buffer[] {
  return secrets.map(({ secret }) => {
    if (secret !== null) return signingKey(secret)
    throw new DeliveryFailure('not_configured', 'the secret of the endpoint cannot be read', {
      retryable: true,
    })
  })
}
