import type { Static } from 'typebox'
import { LONGEST_DURATION_MS } from '../duration.js'
import { Count, Duration, Flag, List, OptionalText, Size, section } from '../values.js'
import { deliveryOf, retryOf, retrySection, tried, usual, usualOf } from './delivery.js'

const MB = 1_048_576

export const webhookSchema = section({
  ...usual,
  ...tried,
  retry: retrySection,
  secret: OptionalText,
  previous_secrets: List(),
  allowlist: List(),
  allow_private: Flag,
  max_response: Size(0, 16 * MB),
  per_url_per_minute: Count(0, 1_000_000),
  disable_after: Duration(0, LONGEST_DURATION_MS),
})

export function webhookOf(webhook: Static<typeof webhookSchema>) {
  return {
    ...usualOf(webhook),
    delivery: deliveryOf(webhook),
    retry: retryOf(webhook),
    /** Null: one is generated and kept in the data directory. */
    secret: webhook.secret ?? null,
    /** Still valid. */
    previousSecrets: webhook.previous_secrets ?? [],
    /** Empty: all public URLs. */
    allowlist: webhook.allowlist ?? [],
    allowPrivate: webhook.allow_private,
    maxResponseBytes: webhook.max_response,
    /** 0: no limit. */
    perUrlPerMinute: webhook.per_url_per_minute,
    /** Null: never. */
    disableAfterMs: webhook.disable_after === 0 ? null : webhook.disable_after,
  }
}
