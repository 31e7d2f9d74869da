import { createHash } from 'node:crypto'
import type { DeadEvent, KafkaRecord, Poison } from '../../model/dead-event.js'
import { storable } from './storable.js'
import type { Statement } from './store.js'

/** What is kept of a record, in bytes: as much as Kafka takes unless it is told otherwise. */
const MOST_PAYLOAD = 1024 * 1024
const MOST_KEY = 64 * 1024
const MOST_HEADERS = 64 * 1024
const MOST_HEADER_COUNT = 200
const LONGEST_DETAIL = 1_000

/** In one order, so that two instances that bring the same never wait for each other in a circle. */
export const ADD: Statement = {
  name: 'dead_letters_add',
  text: `INSERT INTO dead_letters (id, tenant_id, topic, partition, "offset", key, headers, payload, size, complete,
      fingerprint, event_id, event_type, reason, detail, traceparent)
    SELECT id, tenant_id, topic, partition, "offset", decode(key, 'base64'), headers, decode(payload, 'base64'), size,
      complete, fingerprint, event_id, event_type, reason, detail, traceparent
    FROM json_to_recordset($1::json) AS d(id text, tenant_id text, topic text, partition int, "offset" bigint,
      key text, headers jsonb, payload text, size int, complete boolean, fingerprint text, event_id text,
      event_type text, reason text, detail text, traceparent text)
    ORDER BY topic, partition, "offset"
    ON CONFLICT (topic, partition, "offset", fingerprint) DO NOTHING`,
}

/** One that another has redriven meanwhile stays so. */
export const SETTLE_EVENTS: Statement = {
  name: 'dead_letters_settle',
  text: `UPDATE dead_letters d SET
      redriven_at = CASE WHEN o.reason IS NULL THEN now() END,
      reason = coalesce(o.reason, d.reason), detail = coalesce(o.detail, d.detail), updated_at = now()
    FROM json_to_recordset($1::json) AS o(id text, reason text, detail text)
    WHERE d.id = o.id AND d.redriven_at IS NULL`,
}

/** A dead event as the statement reads it. */
export function adding(event: DeadEvent, id: string): object {
  const { record, tenantId, eventId, eventType, traceparent } = event
  const { key, value } = record
  const headers = keptHeaders(record)
  const [keptKey, payload] = [upTo(key, MOST_KEY), upTo(value, MOST_PAYLOAD)]
  return {
    id,
    tenant_id: storable(tenantId, 64),
    topic: storable(record.topic, 249),
    partition: record.partition,
    offset: record.offset,
    key: keptKey?.toString('base64') ?? null,
    headers,
    payload: payload?.toString('base64') ?? null,
    size: value?.length ?? 0,
    complete: keptKey === key && payload === value && headers.length === record.headers.length,
    fingerprint: fingerprintOf(record),
    event_id: storable(eventId, 255),
    event_type: storable(eventType, 255),
    ...reasonOf(event),
    traceparent: storable(traceparent, 55),
  }
}

export const reasonOf = ({ reason, detail }: Pick<Poison, 'reason' | 'detail'>) => ({
  reason,
  detail: storable(detail, LONGEST_DETAIL),
})

/** In bytes, about what one takes in the statement. */
export const weightOf = ({ record: { key, value } }: DeadEvent): number =>
  1_024 + upToLength(key, MOST_KEY) + upToLength(value, MOST_PAYLOAD)

const upTo = (bytes: Buffer | null, most: number): Buffer | null =>
  bytes !== null && bytes.length > most ? null : bytes

const upToLength = (bytes: Buffer | null, most: number): number => upTo(bytes, most)?.length ?? 0

/** The first of them, as many as there is room for. */
function keptHeaders({ headers }: KafkaRecord): readonly (readonly [string, string])[] {
  const kept: (readonly [string, string])[] = []
  let left = MOST_HEADERS
  for (const [name, value] of headers.slice(0, MOST_HEADER_COUNT)) {
    left -= Buffer.byteLength(name) + value.length
    if (left < 0) break
    kept.push([storable(name, MOST_HEADERS), value.toString('base64')])
  }
  return kept
}

/** Of key and payload; neither can be taken for a part of the other. */
function fingerprintOf({ key, value }: KafkaRecord): string {
  const hash = createHash('sha256').update(`${key?.length ?? -1} ${value?.length ?? -1} `)
  if (key !== null) hash.update(key)
  if (value !== null) hash.update(value)
  return hash.digest('hex')
}
