import pg from 'pg'
import type { Test } from 'tap'
import type {
  DeadEvent,
  EventOutcome,
  HandleEvents,
  KafkaRecord,
  Poison,
} from '../../src/model/dead-event.js'
import type { DeadLetters } from '../../src/sources/kafka/ports.js'
import { addressOf } from '../../src/state/postgres/connection.js'
import { startPostgres, type TestPostgres } from './postgres.js'

/** What a record says here: its id, and whether it is a bad one. */
export interface TestEvent {
  readonly id: string
  readonly kind?: 'poison' | 'failing'
  readonly text?: string
}

/** A real database that takes events, knows them again, and can be away. */
export class EventStore implements DeadLetters {
  readonly server: TestPostgres
  readonly #pool: pg.Pool
  /** Waited for before each portion is written. */
  before: (records: readonly KafkaRecord[]) => Promise<unknown> = async () => undefined

  private constructor(server: TestPostgres, pool: pg.Pool) {
    this.server = server
    this.#pool = pool
  }

  static async start(t: Pick<Test, 'teardown'>): Promise<EventStore> {
    const server = await startPostgres()
    const pool = new pg.Pool({ ...addressOf(server.connection), max: 12 })
    // One that is lost while nobody uses it is replaced.
    pool.on('error', () => undefined)
    t.teardown(async () => {
      await pool.end()
      await server.destroy()
    })
    await pool.query(`
      CREATE TABLE taken (id text PRIMARY KEY, topic text, partition int, text_size int, times int NOT NULL DEFAULT 1);
      CREATE TABLE dead (topic text, partition int, "offset" bigint, reason text, detail text, value bytea,
        PRIMARY KEY (topic, partition, "offset"))`)
    return new EventStore(server, pool)
  }

  readonly handle: HandleEvents = async (records) => {
    await this.before(records)
    const events = records.map(({ value }): TestEvent => JSON.parse(String(value)))
    const good = new Map(events.flatMap((event, index) => (event.kind ? [] : [[event.id, index] as const])))
    try {
      await this.#pool.query(
        `INSERT INTO taken (id, topic, partition, text_size)
         SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::int[])
         ON CONFLICT (id) DO UPDATE SET times = taken.times + 1`,
        [
          [...good.keys()],
          [...good.values()].map((index) => records[index]?.topic),
          [...good.values()].map((index) => records[index]?.partition),
          [...good.values()].map((index) => events[index]?.text?.length ?? 0),
        ],
      )
    } catch (cause) {
      return records.map(() => ({ kind: 'unavailable', retryAfterMs: 100, cause }))
    }
    return events.map(outcomeOf)
  }

  async add(events: readonly DeadEvent[]): Promise<void> {
    for (const { record, reason, detail } of events) {
      const { topic, partition, offset, value } = record
      await this.#pool.query('INSERT INTO dead VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING', [
        topic,
        partition,
        offset,
        reason,
        detail,
        value,
      ])
    }
  }

  async taken(topic: string): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ id: string }>(
      'SELECT id FROM taken WHERE topic = $1 ORDER BY id',
      [topic],
    )
    return rows.map(({ id }) => id)
  }

  async textSize(id: string): Promise<number | undefined> {
    const { rows } = await this.#pool.query<{ text_size: number }>(
      'SELECT text_size FROM taken WHERE id = $1',
      [id],
    )
    return rows[0]?.text_size
  }

  async dead(
    topic: string,
  ): Promise<readonly { offset: string; reason: string; detail: string; value: Buffer | null }[]> {
    const { rows } = await this.#pool.query(
      'SELECT "offset", reason, detail, value FROM dead WHERE topic = $1 ORDER BY "offset"',
      [topic],
    )
    return rows
  }
}

const POISON: Poison = {
  tenantId: 'acme',
  eventId: null,
  eventType: null,
  reason: 'validation_failed',
  detail: 'bad on purpose',
  traceparent: null,
}

function outcomeOf({ kind }: TestEvent): EventOutcome {
  if (kind === 'poison') return { kind: 'poison', poison: POISON }
  if (kind === 'failing') return { kind: 'failed', poison: POISON, cause: new Error('fails on purpose') }
  return { kind: 'done', accepted: 1 }
}
