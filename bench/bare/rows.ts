import type pg from 'pg'
import { notificationId } from '../../src/model/id.js'
import { createPool } from '../../src/state/postgres/pool.js'
import { createLog } from '../../src/telemetry/log.js'
import type { DatabaseAddress } from '../stand/databases.js'

const CONNECTIONS = 4
const STATEMENT_TIMEOUT_MS = 10_000

/** What a caller sends. */
export interface Message {
  readonly tenant_id: string
  readonly user_id: string
  readonly channel: string
  readonly notification_type?: string
  readonly template_id?: string
  readonly variables?: object
  readonly title?: string
  readonly content?: string
  readonly metadata?: object
}

/** A row as the statement below reads it. */
export interface Row {
  readonly id: string
  readonly tenant_id: string
  readonly user_id: string
  readonly channel: string
  readonly title: string
  readonly content: string
  readonly metadata: object
  readonly created_at: number
  readonly [column: string]: unknown
}

const INSERT = {
  name: 'insert',
  text: `INSERT INTO notifications (id, tenant_id, user_id, channel, priority, notification_type, template_id, title,
      content, metadata, status, reason, job_id, traceparent, scheduled_at, expires_at, due_at, admitted, sent_at,
      created_at, updated_at)
    SELECT id, tenant_id, user_id, channel, priority, notification_type, template_id, title, content, metadata,
      status, reason, job_id, traceparent, scheduled_at, expires_at, now(), admitted,
      CASE WHEN status = 'sent' THEN now() END, to_timestamp(created_at / 1000), now()
    FROM json_to_recordset($1::json) AS incoming(
      id text, tenant_id text, user_id text, channel text, priority int, notification_type text, template_id text,
      title text, content text, metadata jsonb, status text, reason text, job_id text, traceparent text,
      scheduled_at timestamptz, expires_at timestamptz, admitted boolean, created_at float8)`,
}

const SETTLE = {
  name: 'settle',
  text: `WITH result AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS r(id text, result text)
    ), settled AS (
      UPDATE notifications n SET status = r.result, attempt = 1, sent_at = now(), updated_at = now()
      FROM result r WHERE n.id = r.id
    )
    INSERT INTO delivery_attempts (notification_id, attempt, result, started_at, duration_ms)
    SELECT id, 1, result, now(), 0 FROM result`,
}

export interface Result {
  readonly id: string
  readonly result: 'sent' | 'failed'
}

/** The least that makes messages durable, and then what became of them. */
export class Rows {
  readonly #pool: pg.Pool

  constructor(address: DatabaseAddress) {
    this.#pool = createPool(address, {
      size: CONNECTIONS,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      log: createLog('silent'),
    })
  }

  async insert(rows: readonly Row[]): Promise<void> {
    await this.#pool.query({ ...INSERT, values: [JSON.stringify(rows)] })
  }

  async settle(results: readonly Result[]): Promise<void> {
    await this.#pool.query({ ...SETTLE, values: [JSON.stringify(results)] })
  }
}

export function rowOf(message: Message, now: number, jobId: string | null = null): Row {
  const { tenant_id, user_id, channel, notification_type, title, content, metadata } = message
  return {
    id: notificationId(now),
    tenant_id,
    user_id,
    channel,
    priority: 8,
    notification_type: notification_type ?? 'activity',
    template_id: null,
    title: title ?? '',
    content: content ?? '',
    metadata: metadata ?? {},
    status: channel === 'in_app' ? 'sent' : 'pending',
    reason: null,
    job_id: jobId,
    traceparent: null,
    scheduled_at: null,
    expires_at: null,
    admitted: channel !== 'in_app',
    created_at: now,
  }
}
