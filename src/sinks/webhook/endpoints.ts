import type { DeliveryFailureCode } from '../../model/outcome.js'

/** What a URL of a tenant is registered as. */
export interface WebhookEndpoint {
  /** False: it is only known that nothing goes there. */
  readonly registered: boolean
  /** Of its own, the newest first; `secret` null: it cannot be read. Times are epoch milliseconds. */
  readonly secrets: readonly { readonly secret: string | null; readonly expiresAt: number | null }[]
  /** Why nothing goes there; null when it may be called. */
  readonly disabled: string | null
}

/** What the sink knows of registered endpoints, and tells about them. URLs are in their canonical spelling. */
export interface WebhookEndpoints {
  /** Null: nothing is known of the URL. */
  find(tenantId: string, url: string): Promise<WebhookEndpoint | null>
  /** Must not throw, and not wait. */
  record(tenantId: string, url: string, outcome: 'sent' | DeliveryFailureCode): void
}
