import type { Notification } from '../../model/notification.js'
import { DeliveryFailure, type Receipt } from '../../model/outcome.js'
import type { Sink } from '../../streams/ports.js'
import { OutboundClient, type OutboundOptions } from '../outbound/client.js'
import { failureOfAnswer, failureOfError } from './failure.js'
import { webhookRequest } from './request.js'
import { signingKey } from './signature.js'
import { parseUrl, readWebhookUrl, type WebhookUrlPolicy, webhookUrlPolicy } from './url-policy.js'

export interface WebhookOptions extends Omit<OutboundOptions, 'timeoutMs'> {
  /** Milliseconds to connect, and to wait for an answer; 10 000 by default. The signal bounds the whole. */
  readonly timeoutMs?: number | undefined
  /** Shared with the receivers; `whsec_` and base64, or any text. */
  readonly secret: string
  /** URL patterns; empty: all URLs. */
  readonly allowlist: readonly string[]
  /** Of this service, for `User-Agent`. */
  readonly version: string
}

/** Posts each notification to its own `metadata.webhook_url`. */
export class WebhookSink implements Sink {
  readonly #client: OutboundClient
  readonly #policy: WebhookUrlPolicy
  readonly #key: Buffer
  readonly #userAgent: string

  /** Throws when the secret or a pattern of the allowlist cannot be used. */
  constructor(options: WebhookOptions) {
    this.#key = signingKey(options.secret)
    this.#policy = webhookUrlPolicy(options)
    this.#userAgent = `notification-service/${options.version}`
    this.#client = new OutboundClient({ ...options, timeoutMs: options.timeoutMs ?? 10_000 })
  }

  /** Origins and sockets held at the moment. */
  get size(): OutboundClient['size'] {
    return this.#client.size
  }

  target({ metadata }: Notification): string | null {
    const text = metadata.webhook_url
    return typeof text === 'string' ? (parseUrl(text)?.origin ?? null) : null
  }

  async send(notification: Notification, signal: AbortSignal): Promise<Receipt> {
    const url = this.#url(notification)
    const timestamp = Math.floor(Date.now() / 1000)
    const request = webhookRequest(notification, timestamp, this.#key, this.#userAgent)
    const answer = await this.#client.post(url, { ...request, signal }).catch((error: unknown) => {
      throw failureOfError(error, url.host, signal)
    })
    const [retryAfter] = [answer.headers['retry-after']].flat()
    const failure = failureOfAnswer(answer.status, retryAfter, url.host, Date.now())
    if (failure !== null) throw failure
    return { providerId: `HTTP ${answer.status}` }
  }

  /** Closes every socket; sends under way fail as `abandoned`. */
  async close(): Promise<void> {
    await this.#client.close()
  }

  /** Checked again here: the allowlist may be shorter than it was when the notification was accepted. */
  #url({ metadata }: Notification): URL {
    const text = metadata.webhook_url
    if (typeof text !== 'string') {
      throw new DeliveryFailure('invalid_address', 'metadata.webhook_url is missing', { retryable: false })
    }
    const url = readWebhookUrl(text, this.#policy)
    if (typeof url === 'string') {
      throw new DeliveryFailure('address_refused', `metadata.webhook_url ${url}`, { retryable: false })
    }
    return url
  }
}
