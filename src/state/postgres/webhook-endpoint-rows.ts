import type { WebhookEndpointRecord } from '../../api/ports.js'
import type { SuppressionReason } from '../../model/recipient.js'

/** A secret as it is kept. Times are epoch milliseconds. */
export interface SealedSecret {
  readonly sealed: string
  readonly created_at: number
  /** Null: until it is replaced. */
  readonly expires_at: number | null
}

export interface EndpointRow {
  readonly id: string
  readonly tenant_id: string
  readonly url: string
  readonly description: string | null
  readonly secrets: readonly SealedSecret[]
  readonly last_success_at: number | null
  readonly last_failure_at: number | null
  readonly last_failure: string | null
  readonly consecutive_failures: number
  readonly failing_since: number | null
  readonly created_by: string
  readonly created_at: number
  readonly updated_at: number
  readonly suppression: SuppressionReason | null
  readonly suppressed_at: number | null
}

/** What counts at `now`, the newest first. */
export const validSecrets = (secrets: readonly SealedSecret[], now: number): readonly SealedSecret[] =>
  secrets.filter(({ expires_at }) => expires_at === null || expires_at > now)

export const toEndpoint = (row: EndpointRow, now: number): WebhookEndpointRecord => ({
  id: row.id,
  tenantId: row.tenant_id,
  url: row.url,
  description: row.description,
  secrets: validSecrets(row.secrets, now).map((secret) => ({
    createdAt: secret.created_at,
    expiresAt: secret.expires_at,
  })),
  disabledAt: row.suppressed_at,
  disabledReason: row.suppression === null ? null : disabledBy(row.suppression),
  lastSuccessAt: row.last_success_at,
  lastFailureAt: row.last_failure_at,
  lastFailure: row.last_failure,
  consecutiveFailures: row.consecutive_failures,
  failingSince: row.failing_since,
  createdBy: row.created_by,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

const disabledBy = (reason: SuppressionReason): WebhookEndpointRecord['disabledReason'] =>
  reason === 'gone' || reason === 'failing' ? reason : 'manual'
