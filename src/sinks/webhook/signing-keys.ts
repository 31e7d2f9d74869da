import { DeliveryFailure } from '../../model/outcome.js'
import type { WebhookEndpoint } from './endpoints.js'
import { signingKey } from './signature.js'

/** The keys that a call is signed with, the newest first: an endpoint's own, or else those of the service. */
export class SigningKeys {
  readonly #common: readonly Buffer[]
  /** As long as an endpoint is remembered. */
  readonly #own = new WeakMap<WebhookEndpoint, readonly OwnKey[]>()

  /**
   * @param secrets of the service, the newest first
   * @throws Error when one cannot be used
   */
  constructor(secrets: readonly string[]) {
    this.#common = secrets.map(signingKey)
  }

  /**
   * @param now epoch milliseconds
   * @throws DeliveryFailure when the newest secret of the endpoint cannot be read: a receiver may refuse others
   */
  of(endpoint: WebhookEndpoint | null, now: number): readonly Buffer[] {
    if (endpoint === null || endpoint.secrets.length === 0) return this.#common
    const keys = this.#own.get(endpoint) ?? keysOf(endpoint)
    this.#own.set(endpoint, keys)
    return keys.filter(({ expiresAt }) => expiresAt === null || expiresAt > now).map(({ key }) => key)
  }
}

interface OwnKey {
  readonly key: Buffer
  /** Epoch milliseconds; null: until it is replaced. */
  readonly expiresAt: number | null
}

/** Those before the newest are only there for a while: a call does without the ones that cannot be read. */
function keysOf({ secrets }: WebhookEndpoint): readonly OwnKey[] {
  if (secrets[0]?.secret === null) {
    throw new DeliveryFailure('not_configured', 'the secret of the endpoint cannot be read', {
      retryable: true,
    })
  }
  return secrets.flatMap(({ secret, expiresAt }) =>
    secret === null ? [] : [{ key: signingKey(secret), expiresAt }],
  )
}
