/** Why an attempt did not deliver. Stable: these are metric labels and appear on the notification. */
export const DELIVERY_FAILURES = [
  'offline',
  'slow_consumer',
  'timeout',
  'connection_failed',
  'rejected',
  'unavailable',
  'throttled',
  'invalid_address',
  'address_refused',
  'gone',
  'account_refused',
  'template_refused',
  'not_configured',
  'circuit_open',
  'abandoned',
  'internal',
] as const
export type DeliveryFailureCode = (typeof DELIVERY_FAILURES)[number]

/** What a provider gave us for a message that it took. */
export interface Receipt {
  /** Which of several providers it was. */
  readonly provider?: string
  /** The provider's own id, for support cases. */
  readonly providerId?: string
  /** What else is worth recording: who refused it before, or which devices. */
  readonly note?: string
}

/** What a sink throws. Anything else that it throws is an `internal` failure that may be retried. */
export class DeliveryFailure extends Error {
  override readonly name = 'DeliveryFailure'
  readonly code: DeliveryFailureCode
  /** Whether another attempt may succeed. */
  readonly retryable: boolean
  /** The provider may have taken the message all the same; another one could cost twice. Never retried. */
  readonly uncertain: boolean
  /** Milliseconds the provider asked us to wait. */
  readonly retryAfterMs: number | null
  /** Which of several providers it was. */
  readonly provider: string | null

  constructor(
    code: DeliveryFailureCode,
    message: string,
    options: {
      retryable: boolean
      uncertain?: boolean
      retryAfterMs?: number | null
      provider?: string | null
      cause?: unknown
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.uncertain = options.uncertain ?? false
    this.retryable = options.retryable && !this.uncertain
    this.retryAfterMs = options.retryAfterMs ?? null
    this.provider = options.provider ?? null
  }
}

/** What became of one attempt. */
export type Outcome =
  | { readonly kind: 'sent'; readonly receipt: Receipt }
  | { readonly kind: 'failed'; readonly failure: DeliveryFailure }
