import type { Attachments, AttachmentToKeep } from '../../api/ports.js'
import type { Clock } from '../../streams/ports.js'
import type { Statement, Store } from './store.js'

/** In order, so that two requests with the same files never wait for each other in a circle. */
const KEEP: Statement = {
  name: 'attachments_keep',
  text: `INSERT INTO attachments AS kept (tenant_id, id, content, keep_until)
    SELECT $1, file.id, file.content, to_timestamp($4::float8 / 1000)
    FROM unnest($2::text[], $3::bytea[]) AS file(id, content) ORDER BY file.id
    ON CONFLICT (tenant_id, id) DO UPDATE SET keep_until = excluded.keep_until
      WHERE kept.keep_until < excluded.keep_until`,
}

const EXTEND: Statement = {
  name: 'attachments_extend',
  text: `UPDATE attachments kept SET keep_until = to_timestamp($3::float8 / 1000)
    FROM (SELECT file->>'id' AS id FROM notifications n, jsonb_array_elements(n.attachments) AS file
      WHERE n.id = $1 AND n.tenant_id = $2) AS used
    WHERE kept.tenant_id = $2 AND kept.id = used.id AND kept.keep_until < to_timestamp($3::float8 / 1000)`,
}

const READ: Statement = {
  name: 'attachments_read',
  text: 'SELECT id, content FROM attachments WHERE tenant_id = $1 AND id = ANY($2::text[])',
}

/** What is deferred, tried again or redriven is sent later than it was asked for. */
const SLACK_MS = 30 * 86_400_000

/** The contents of attachments, each once a tenant. */
export class PostgresAttachments implements Attachments {
  readonly #store: Store
  readonly #clock: Clock
  readonly #keepMs: number

  /** @param keepMs how long notifications are kept */
  constructor(store: Store, clock: Clock, keepMs: number) {
    this.#store = store
    this.#clock = clock
    this.#keepMs = keepMs
  }

  async keep(
    tenantId: string,
    files: readonly AttachmentToKeep[],
    scheduledAt: number | null,
  ): Promise<void> {
    const distinct = [...new Map(files.map(({ id, content }) => [id, content]))]
    if (distinct.length === 0) return
    const [ids, contents] = [distinct.map(([id]) => id), distinct.map(([, content]) => content)]
    await this.#store.run(KEEP, [tenantId, ids, contents, this.#until(scheduledAt)])
  }

  async extend(tenantId: string, notificationId: string, scheduledAt: number): Promise<void> {
    await this.#store.run(EXTEND, [notificationId, tenantId, this.#until(scheduledAt)])
  }

  /** Those that are there, by id. */
  async read(tenantId: string, ids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    const rows = await this.#store.run<{ id: string; content: Buffer }>(READ, [tenantId, ids])
    return new Map(rows.map(({ id, content }) => [id, content]))
  }

  #until(scheduledAt: number | null): number {
    return Math.max(scheduledAt ?? 0, this.#clock.now()) + this.#keepMs + SLACK_MS
  }
}
