import type { Attachments, AttachmentToKeep } from '../../api/ports.js'
import type { Clock } from '../../streams/ports.js'
import type { Statement, Store } from './store.js'
import { Turns } from './turns.js'

/**
 * Those that are there for long enough; what is not is made to be, in order, so that two requests
 * never wait for each other in a circle. Mostly nothing is written.
 */
const KEPT: Statement = {
  name: 'attachments_kept',
  text: `WITH short AS (
      SELECT id FROM attachments
      WHERE tenant_id = $1 AND id = ANY($2::text[]) AND keep_until < to_timestamp($3::float8 / 1000)
      ORDER BY id FOR UPDATE
    ), extended AS (
      UPDATE attachments kept SET keep_until = to_timestamp($4::float8 / 1000) FROM short
      WHERE kept.tenant_id = $1 AND kept.id = short.id RETURNING kept.id
    )
    SELECT id FROM attachments
      WHERE tenant_id = $1 AND id = ANY($2::text[]) AND keep_until >= to_timestamp($3::float8 / 1000)
    UNION ALL SELECT id FROM extended`,
}

/** One content a statement: as a parameter of its own it travels as it is, in an array it would as hexadecimal text. */
const KEEP: Statement = {
  name: 'attachments_keep',
  text: `INSERT INTO attachments AS kept (tenant_id, id, content, keep_until)
    VALUES ($1, $2, $3, to_timestamp($4::float8 / 1000))
    ON CONFLICT (tenant_id, id) DO UPDATE SET keep_until = excluded.keep_until
      WHERE kept.keep_until < excluded.keep_until`,
}

const READ: Statement = {
  name: 'attachments_read',
  text: 'SELECT id, content FROM attachments WHERE tenant_id = $1 AND id = ANY($2::text[])',
}

/** How long a content stays before it is looked at whether a notification names it. */
export const LOOK_MS = 86_400_000
/** What has less left than this is given a whole day anew. */
const ENOUGH_MS = LOOK_MS / 2
/** Of contents that wait for their turn to be written. */
const WAITING_BYTES = 64 * 1_024 * 1_024
const WAITING_MS = 5_000

/**
 * The contents of attachments, each once a tenant. They stay for as long as a notification names
 * them: see `sweepAttachments`.
 */
export class PostgresAttachments implements Attachments {
  readonly #store: Pick<Store, 'run'>
  readonly #clock: Clock
  readonly #turns: Turns
  /** No more than have a turn or wait for one. */
  readonly #writing = new Map<string, Promise<unknown>>()

  /** @param atOnce how many contents are written at the same time: well below the connections of the store */
  constructor(store: Pick<Store, 'run'>, clock: Clock, atOnce: number) {
    this.#store = store
    this.#clock = clock
    this.#turns = new Turns({ atOnce, waitingBytes: WAITING_BYTES, waitingMs: WAITING_MS })
  }

  /** @throws Failure `overloaded` when too much is waiting to be written, `store_unavailable` */
  async keep(tenantId: string, files: readonly AttachmentToKeep[]): Promise<void> {
    const missing = new Map(files.map(({ id, content }) => [id, content]))
    if (missing.size === 0) return
    const now = this.#clock.now()
    const until = now + LOOK_MS
    const ids = [tenantId, [...missing.keys()]]
    const kept = await this.#store.run<{ id: string }>(KEPT, [...ids, now + ENOUGH_MS, until])
    for (const { id } of kept) missing.delete(id)
    for (const [id, content] of missing) {
      await this.#write(tenantId, id, content, until)
    }
  }

  /** Of requests that bring the same new content at the same time one writes it, and the others wait for that. */
  #write(tenantId: string, id: string, content: Buffer, until: number): Promise<unknown> {
    const key = `${tenantId}\n${id}`
    const running = this.#writing.get(key)
    if (running !== undefined) return running
    const written = this.#turns
      .take(content.length, () => this.#store.run(KEEP, [tenantId, id, content, until]))
      .finally(() => this.#writing.delete(key))
    this.#writing.set(key, written)
    return written
  }

  /** Those that are there, by id. */
  async read(tenantId: string, ids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    const rows = await this.#store.run<{ id: string; content: Buffer }>(READ, [tenantId, ids])
    return new Map(rows.map(({ id, content }) => [id, content]))
  }
}
