import { ADDRESS_FIELD, ENDPOINT_FIELD } from '../../model/address.js'
import { DIGEST_TYPE, type DigestDraft, type DigestItem, type Held } from '../../model/digest-draft.js'
import { PRIORITY_VALUE } from '../../model/priority.js'
import type { Collection, DigestKey, Digests } from '../../streams/ports.js'
import { byId } from './by-id.js'
import type { Statement, Store } from './store.js'

/** What is beyond waits for the next digest. */
const MOST_IN_DIGEST = 1_000
const ITEMS_TOLD = 50
const CONTENT_TOLD = 300

const HELD: Statement = {
  name: 'digests_held',
  text: `SELECT wanted.place, held.* FROM json_to_recordset($1::json)
      AS wanted(place int, tenant_id text, user_id text, channel text, field text)
    CROSS JOIN LATERAL (
      SELECT n.id, n.notification_type, coalesce(
          CASE wanted.channel WHEN 'webhook' THEN n.metadata ->> '${ENDPOINT_FIELD}' END,
          n.metadata ->> wanted.field) AS address, n.traceparent, n.expires_at
      FROM notifications n
      WHERE n.tenant_id = wanted.tenant_id AND n.user_id = wanted.user_id AND n.channel = wanted.channel
        AND ${byId('n.status', 'pending')} AND n.reason = 'digest' AND n.digest_id IS NULL AND n.due_at <= now()
      ORDER BY n.id LIMIT ${MOST_IN_DIGEST}) AS held`,
}

/** Takes the locks in one order, so that two instances that collect the same never wait for each other in a circle. */
const COLLECT: Statement = {
  name: 'digests_collect',
  text: `WITH draft AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS d(id text, tenant_id text, user_id text, channel text,
        frequency text, metadata jsonb, members json, traceparent text, created_at float8)
    ), member AS MATERIALIZED (
      SELECT m.id, draft.id AS digest_id FROM draft, json_array_elements_text(draft.members) AS m(id)
    ), free AS MATERIALIZED (
      SELECT id FROM notifications
      WHERE id = ANY(ARRAY(SELECT id FROM member)) AND ${byId('status', 'pending')} AND reason = 'digest'
        AND digest_id IS NULL AND due_at <= now()
      ORDER BY id FOR UPDATE
    ), taken AS (
      UPDATE notifications n SET digest_id = member.digest_id, updated_at = now()
      FROM member JOIN free USING (id) WHERE n.id = member.id
      RETURNING n.digest_id
    )
    INSERT INTO notifications (id, tenant_id, user_id, channel, priority, notification_type, title, content,
      metadata, status, due_at, admitted, digest, traceparent, created_at, updated_at)
    SELECT id, tenant_id, user_id, channel, ${PRIORITY_VALUE.medium}, '${DIGEST_TYPE}', '', '',
      metadata, 'pending', now(), false, frequency, traceparent, to_timestamp(created_at / 1000), now()
    FROM draft WHERE id IN (SELECT digest_id FROM taken)
    RETURNING id`,
}

const COLLECTED: Statement = {
  name: 'digests_collected',
  text: `SELECT wanted.id,
      (SELECT count(*) FROM notifications m WHERE m.digest_id = wanted.id) AS count,
      (SELECT coalesce(json_agg(item ORDER BY item.id), '[]') FROM (
        SELECT m.id, m.title, left(m.content, ${CONTENT_TOLD}) AS content, m.notification_type,
          floor(extract(epoch FROM m.created_at) * 1000) AS created_at
        FROM notifications m WHERE m.digest_id = wanted.id ORDER BY m.id DESC LIMIT ${ITEMS_TOLD}) AS item
      ) AS items
    FROM unnest($1::text[]) AS wanted(id)`,
}

interface HeldRow {
  readonly place: number
  readonly id: string
  readonly notification_type: string
  readonly address: string | null
  readonly traceparent: string | null
  readonly expires_at: number | null
}

interface CollectedRow {
  readonly id: string
  readonly count: number
  readonly items: readonly {
    readonly id: string
    readonly title: string
    readonly content: string
    readonly notification_type: string
    readonly created_at: number
  }[]
}

/** Digests are notifications; here is what they have besides. */
export class PostgresDigests implements Digests {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async held(users: readonly DigestKey[]): Promise<readonly (readonly Held[])[]> {
    const wanted = users.map(({ tenantId, userId, channel }, place) => ({
      place,
      tenant_id: tenantId,
      user_id: userId,
      channel,
      field: ADDRESS_FIELD[channel],
    }))
    const held: Held[][] = users.map(() => [])
    for (const row of await this.#store.run<HeldRow>(HELD, [JSON.stringify(wanted)])) {
      const { place, id, notification_type, address, traceparent, expires_at } = row
      held[place]?.push({
        id,
        notificationType: notification_type,
        address,
        traceparent,
        expiresAt: expires_at,
      })
    }
    return held
  }

  async collect(drafts: readonly DigestDraft[]): Promise<ReadonlySet<string>> {
    const rows = drafts.map(({ tenantId, userId, createdAt, memberTraces: _, ...draft }) => ({
      ...draft,
      tenant_id: tenantId,
      user_id: userId,
      created_at: createdAt,
    }))
    const written = await this.#store.run<{ id: string }>(COLLECT, [JSON.stringify(rows)])
    return new Set(written.map(({ id }) => id))
  }

  async collected(digestIds: readonly string[]): Promise<readonly Collection[]> {
    const rows = await this.#store.run<CollectedRow>(COLLECTED, [digestIds])
    const found = new Map(rows.map(({ id, count, items }) => [id, { count, items: items.map(toItem) }]))
    return digestIds.map((id) => found.get(id) ?? { count: 0, items: [] })
  }
}

const toItem = ({ notification_type, created_at, ...item }: CollectedRow['items'][number]): DigestItem => ({
  ...item,
  notificationType: notification_type,
  createdAt: created_at,
})
