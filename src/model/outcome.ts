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
  'circuit_open',
  'abandoned',
  'internal',
] as const
export type DeliveryFailureCode = (typeof DELIVERY_FAILURES)[number]

/** What a provider gave us for a message that it took. */
export interface Receipt {
  /** The provider's own id, for support cases. */
  readonly providerId?: string
}

/** What a sink throws. Anything else that it throws is an `internal` failure that may be retried. */
export class DeliveryFailure extends Error {
  override readonly name = 'DeliveryFailure'
  readonly code: DeliveryFailureCode
  /** Whether another attempt may succeed. */
  readonly retryable: boolean
  /** Milliseconds the provider asked us to wait. */
  readonly retryAfterMs: number | null

  constructor(
    code: DeliveryFailureCode,
    message: string,
    options: { retryable: boolean; retryAfterMs?: number | null; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable
    this.retryAfterMs = options.retryAfterMs ?? null
  }
}

/** What became of one attempt. */
export type Outcome =
  | { readonly kind: 'sent'; readonly receipt: Receipt }
  | { readonly kind: 'failed'; readonly failure: DeliveryFailure }
