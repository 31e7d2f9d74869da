import type { Notification } from '../../model/notification.js'
import { DeliveryFailure, type Receipt } from '../../model/outcome.js'
import type { Sink } from '../../streams/ports.js'
import { OutboundClient, type OutboundOptions } from '../outbound/client.js'
import { unless } from '../time-limit.js'
import type { WebhookEndpoint, WebhookEndpoints } from './endpoints.js'
import { failureOfAbort, failureOfAnswer, failureOfError, tellsOfReceiver } from './failure.js'
import { type KnownUrl, KnownUrls } from './known-urls.js'
import { webhookRequest } from './request.js'
import { SigningKeys } from './signing-keys.js'
import { parseUrl, webhookUrlPolicy } from './url-policy.js'

export interface WebhookOptions extends Omit<OutboundOptions, 'timeoutMs'> {
  /** Milliseconds to connect, and to wait for an answer; 10 000 by default. The signal bounds the whole. */
  readonly timeoutMs?: number | undefined
  /** Shared with receivers that have none of their own, the newest first; `whsec_` and base64, or any text. */
  readonly secrets: readonly string[]
  readonly endpoints: WebhookEndpoints
  /** URL patterns; empty: all URLs. */
  readonly allowlist: readonly string[]
  /** Of this service, for `User-Agent`. */
  readonly version: string
}

/** Posts each notification to its own `metadata.webhook_url`. */
export class WebhookSink implements Sink {
  readonly #client: OutboundClient
  readonly #urls: KnownUrls
  readonly #keys: SigningKeys
  readonly #endpoints: WebhookEndpoints
  readonly #userAgent: string

  /** Throws when a secret or a pattern of the allowlist cannot be used. */
  constructor(options: WebhookOptions) {
    this.#keys = new SigningKeys(options.secrets)
    this.#urls = new KnownUrls(webhookUrlPolicy(options))
    this.#endpoints = options.endpoints
    this.#userAgent = `notification-service/${options.version}`
    this.#client = new OutboundClient({ ...options, timeoutMs: options.timeoutMs ?? 10_000 })
  }

  /** Origins and sockets held at the moment. */
  get size(): OutboundClient['size'] {
    return this.#client.size
  }

  target({ metadata }: Notification): string | null {
    const text = metadata.webhook_url
    if (typeof text !== 'string') return null
    const known = this.#urls.find(text)
    return typeof known === 'string' ? (parseUrl(text)?.origin ?? null) : known.origin
  }

  async send(notification: Notification, signal: AbortSignal): Promise<Receipt> {
    const { tenantId } = notification
    const known = this.#url(notification)
    const endpoint = await this.#endpoint(tenantId, known, signal)
    try {
      const receipt = await this.#post(notification, known, endpoint, signal)
      if (endpoint !== null) this.#endpoints.record(tenantId, known.url, 'sent')
      return receipt
    } catch (error) {
      if (error instanceof DeliveryFailure && tellsOfReceiver(error, endpoint?.registered ?? false))
        this.#endpoints.record(tenantId, known.url, error.code)
      throw error
    }
  }

  /** Closes every socket; sends under way fail as `abandoned`. */
  async close(): Promise<void> {
    await this.#client.close()
  }

  async #post(
    notification: Notification,
    known: KnownUrl,
    endpoint: WebhookEndpoint | null,
    signal: AbortSignal,
  ): Promise<Receipt> {
    const now = Date.now()
    const keys = this.#keys.of(endpoint, now)
    const request = webhookRequest(notification, Math.floor(now / 1000), keys, this.#userAgent)
    const answer = await this.#client.post(known, { ...request, signal }).catch((error: unknown) => {
      throw failureOfError(error, known.host, signal)
    })
    const [retryAfter] = [answer.headers['retry-after']].flat()
    const failure = failureOfAnswer(answer.status, retryAfter, known.host, Date.now())
    if (failure !== null) throw failure
    return { providerId: `HTTP ${answer.status}` }
  }

  /** Checked again here: the allowlist may be shorter than it was when the notification was accepted. */
  #url({ metadata }: Notification): KnownUrl {
    const text = metadata.webhook_url
    if (typeof text !== 'string') {
      throw new DeliveryFailure('invalid_address', 'metadata.webhook_url is missing', { retryable: false })
    }
    const known = this.#urls.find(text)
    if (typeof known === 'string') {
      throw new DeliveryFailure('address_refused', `metadata.webhook_url ${known}`, { retryable: false })
    }
    return known
  }

  /**
   * What was accepted before the endpoint was disabled does not go there any more. Time that is lost here is not
   * the receiver's.
   */
  async #endpoint(
    tenantId: string,
    { url, host }: KnownUrl,
    signal: AbortSignal,
  ): Promise<WebhookEndpoint | null> {
    const endpoint = await unless(signal, this.#endpoints.find(tenantId, url)).catch((error: unknown) => {
      throw signal.aborted ? failureOfAbort(signal, 'given up before the endpoint was looked up') : error
    })
    if (endpoint === null || endpoint.disabled === null) return endpoint
    throw new DeliveryFailure('gone', `nothing is sent to this URL of ${host}: ${endpoint.disabled}`, {
      retryable: false,
    })
  }
}
