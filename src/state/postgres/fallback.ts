import { DEVICES_FIELD } from '../../model/address.js'

/** What a fallback takes over from the notification whose place it takes. */
const INHERITED = `tenant_id, user_id, priority, notification_type, template_id, template_version, template_variant, locale,
  digest, title, content, traceparent, expires_at`

/**
 * Writes the fallbacks of what has just ended: notifications of their own that have to pass the stages.
 * @param ended a table of the statement with the columns fallback_id, fallback_channel and id
 */
export const insertFallbacks = (ended: string): string => `INSERT INTO notifications
    (id, parent_id, channel, status, reason, due_at, admitted, created_at, updated_at, metadata, ${INHERITED})
  SELECT ended.fallback_id, ended.id, ended.fallback_channel, 'pending', 'fallback', now(), false, now(), now(),
    -- Device tokens are nobody's business but push's.
    CASE WHEN n.channel = 'push' THEN n.metadata - '${DEVICES_FIELD}' ELSE n.metadata END, ${INHERITED}
  FROM (SELECT * FROM ${ended} AS candidate WHERE fallback_id IS NOT NULL) AS ended JOIN notifications n USING (id)
  RETURNING id, due_at`

/** What the statements give: what they wrote, and what falls due by it. */
export interface WrittenRow {
  readonly id: string
  readonly due_at: number | null
  readonly is_fallback: boolean
}
