import kafkajs from 'kafkajs'
import type pg from 'pg'
import { createPool } from '../../src/state/postgres/pool.js'
import { createLog } from '../../src/telemetry/log.js'
import { type Message, rowOf } from '../bare/rows.js'
import { answering } from '../stand/answering.js'
import { type Fields, number, text } from '../stand/fields.js'

const AT_ONCE = 500
/** As many as ours has. */
const INSERTS_IN_FLIGHT = 2

/** Each event once: the row is written with its key or not at all. */
const INSERT = {
  name: 'insert_event',
  text: `WITH incoming AS MATERIALIZED (
      SELECT * FROM json_to_recordset($1::json) AS incoming(
        id text, tenant_id text, user_id text, channel text, priority int, notification_type text, title text,
        content text, metadata jsonb, status text, admitted boolean, created_at float8, key text)
    ), taken AS (
      INSERT INTO idempotency_keys (tenant_id, key, fingerprint, acceptance)
      SELECT tenant_id, key, '', '{}' FROM incoming ORDER BY tenant_id, key
      ON CONFLICT DO NOTHING RETURNING tenant_id, key
    )
    INSERT INTO notifications (id, tenant_id, user_id, channel, priority, notification_type, title, content, metadata,
      status, due_at, admitted, sent_at, created_at, updated_at)
    SELECT id, tenant_id, user_id, channel, priority, notification_type, title, content, metadata, status, now(),
      admitted, now(), to_timestamp(created_at / 1000), now()
    FROM incoming WHERE (tenant_id, key) IN (SELECT tenant_id, key FROM taken)`,
}

/** The ceiling: kafkajs, a parser, an insert. No routes, no stages, no dead letters. */
answering({
  async consume(fields: Fields): Promise<Fields> {
    const connection = {
      kind: 'params',
      host: text(fields, 'host'),
      port: number(fields, 'port'),
      database: text(fields, 'database'),
      user: 'postgres',
      password: null,
    } as const
    const log = createLog('silent')
    const pool = createPool(connection, { size: 4, statementTimeoutMs: 10_000, log })
    const kafka = new kafkajs.Kafka({
      brokers: [text(fields, 'brokers')],
      logLevel: kafkajs.logLevel.NOTHING,
    })
    const consumer = kafka.consumer({ groupId: text(fields, 'group') })
    await consumer.connect()
    await consumer.subscribe({ topic: text(fields, 'topic'), fromBeginning: true })
    const total = number(fields, 'events')
    let consumed = 0
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          autoCommit: false,
          eachBatchAutoResolve: false,
          eachBatch: async ({ batch: { topic, partition, messages }, resolveOffset, heartbeat }) => {
            await insertAll(pool, messages)
            const last = messages.at(-1)?.offset ?? '0'
            resolveOffset(last)
            await consumer.commitOffsets([{ topic, partition, offset: String(BigInt(last) + 1n) }])
            await heartbeat()
            consumed += messages.length
            if (consumed >= total) resolve()
          },
        })
        .catch(reject)
    })
    await consumer.disconnect()
    await pool.end()
    return {}
  },
})

async function insertAll(pool: pg.Pool, messages: readonly kafkajs.KafkaMessage[]): Promise<void> {
  let next = 0
  const some = async (): Promise<void> => {
    while (next < messages.length) {
      const portion = messages.slice(next, next + AT_ONCE)
      next += AT_ONCE
      await pool.query({ ...INSERT, values: [JSON.stringify(portion.map(toRow))] })
    }
  }
  await Promise.all(Array.from({ length: INSERTS_IN_FLIGHT }, some))
}

interface Event extends Message {
  readonly event_id: string
}

function toRow({ value }: kafkajs.KafkaMessage): object {
  const event: Event = JSON.parse(String(value))
  const texts = { title: `Order ${event.event_id} is paid`, content: 'Thank you.' }
  return { ...rowOf({ ...event, ...texts, channel: 'in_app' }, Date.now()), key: event.event_id }
}
