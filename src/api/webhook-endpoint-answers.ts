import type { WebhookEndpointRecord, WebhookEndpointWithSecret } from './ports.js'
import { isoTime, isoTimeOrNull } from './requests/time.js'
import type { WebhookEndpointAnswer } from './schemas/webhook-endpoints.js'

export const endpointAnswer = (record: WebhookEndpointRecord): WebhookEndpointAnswer => ({
  id: record.id,
  url: record.url,
  description: record.description,
  enabled: record.disabledAt === null,
  disabled_at: isoTimeOrNull(record.disabledAt),
  disabled_reason: record.disabledReason,
  secrets: record.secrets.map(({ createdAt, expiresAt }) => ({
    created_at: isoTime(createdAt),
    expires_at: isoTimeOrNull(expiresAt),
  })),
  last_success_at: isoTimeOrNull(record.lastSuccessAt),
  last_failure_at: isoTimeOrNull(record.lastFailureAt),
  last_failure: record.lastFailure,
  consecutive_failures: record.consecutiveFailures,
  failing_since: isoTimeOrNull(record.failingSince),
  created_by: record.createdBy,
  created_at: isoTime(record.createdAt),
  updated_at: isoTime(record.updatedAt),
})

export const secretAnswer = ({ endpoint, secret }: WebhookEndpointWithSecret) => ({
  ...endpointAnswer(endpoint),
  secret,
})
