import { ADDRESS_FIELDS } from '../../model/address.js'
import { CHANNELS } from '../../model/notification.js'
import { byId } from './by-id.js'

/** What a fallback takes over from the notification whose place it takes. */
const INHERITED = 'tenant_id, user_id, priority, notification_type, digest, traceparent, expires_at'

/** Besides these, that of a digest: it is rendered anew, for its own channel. */
const RENDERED = ['template_id', 'template_version', 'template_variant', 'locale']

/** Without the address that did not do: the directory may have filled it in, and it is no concern of the next channel. */
const METADATA = `n.metadata - CASE n.channel ${CHANNELS.map(
  (channel) => `WHEN '${channel}' THEN '{${ADDRESS_FIELDS[channel].join(',')}}'::text[]`,
).join(' ')} END`

/**
 * The parts of a statement that write the fallbacks of what has just ended: notifications of their own that have
 * to pass the stages. What a digest held goes over to its fallback, and does not end with it.
 * @param ended a table of the statement with the columns id, fallback_id and fallback_channel
 */
export const fallbackTables = (ended: string): string => `
    followed AS MATERIALIZED (SELECT id, fallback_id, fallback_channel FROM ${ended} AS e WHERE fallback_id IS NOT NULL),
    fallback AS (
      INSERT INTO notifications (id, parent_id, channel, status, reason, due_at, admitted, created_at, updated_at,
        metadata, title, content, ${RENDERED.join(', ')}, ${INHERITED})
      SELECT followed.fallback_id, followed.id, followed.fallback_channel, 'pending', 'fallback', now(), false, now(), now(),
        ${METADATA}, CASE WHEN n.digest IS NULL THEN n.title ELSE '' END,
        CASE WHEN n.digest IS NULL THEN n.content ELSE '' END,
        ${RENDERED.map((column) => `CASE WHEN n.digest IS NULL THEN n.${column} END`).join(', ')}, ${INHERITED}
      FROM followed JOIN notifications n USING (id)
      RETURNING id, tenant_id, due_at
    ), moved AS (
      UPDATE notifications m SET digest_id = followed.fallback_id, updated_at = now() FROM followed
      WHERE m.digest_id = ANY(ARRAY(SELECT id FROM followed)) AND m.digest_id = followed.id
        AND ${byId('m.status', 'pending')}
    )`

/** What the statements give: what they wrote, and what falls due by it. */
export interface WrittenRow {
  readonly id: string
  readonly tenant_id: string
  readonly due_at: number | null
  readonly is_fallback: boolean
}
