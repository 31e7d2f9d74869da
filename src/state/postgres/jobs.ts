import type { Job, JobProgress, Jobs } from '../../api/ports.js'
import { Failure } from '../../model/failure.js'
import type { Idempotency, Status } from '../../model/notification.js'
import type { Statement, Store } from './store.js'

interface JobRow {
  readonly id: string
  readonly tenant_id: string
  readonly total: number
  readonly refused: Record<string, number>
  readonly fingerprint: string | null
  readonly created_at: number
}

const COLUMNS = 'id, tenant_id, total, refused, fingerprint, created_at'

const OPEN: Statement = {
  name: 'jobs_open',
  text: `INSERT INTO jobs (id, tenant_id, total, idempotency_key, fingerprint) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING RETURNING ${COLUMNS}`,
}

/** A key that has run out may be used anew. */
const FREE_KEY: Statement = {
  name: 'jobs_free_key',
  text: `UPDATE jobs SET idempotency_key = NULL
    WHERE tenant_id = $1 AND idempotency_key = $2 AND created_at < now() - make_interval(secs => $3)`,
}

const FIND_BY_KEY: Statement = {
  name: 'jobs_find_by_key',
  text: `SELECT ${COLUMNS} FROM jobs WHERE tenant_id = $1 AND idempotency_key = $2`,
}

/** Another instance may be filling the job of the same key at this moment. */
const DISCARD: Statement = {
  name: 'jobs_discard',
  text: 'DELETE FROM jobs WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM notifications WHERE job_id = $1)',
}

const CLOSE: Statement = { name: 'jobs_close', text: 'UPDATE jobs SET refused = $2 WHERE id = $1' }

const FIND: Statement = {
  name: 'jobs_find',
  text: `SELECT ${COLUMNS}, (
      SELECT coalesce(json_object_agg(status, n), '{}') FROM (
        SELECT status, count(*) AS n FROM notifications WHERE job_id = jobs.id GROUP BY status) AS counted
    ) AS statuses
    FROM jobs WHERE id = $1 AND tenant_id = $2`,
}

export interface JobOptions {
  readonly newId: () => string
  /** How long an idempotency key is remembered. */
  readonly keyTtlMs: number
}

export class PostgresJobs implements Jobs {
  readonly #store: Store
  readonly #newId: () => string
  readonly #keySeconds: number

  constructor(store: Store, { newId, keyTtlMs }: JobOptions) {
    this.#store = store
    this.#newId = newId
    this.#keySeconds = keyTtlMs / 1000
  }

  async open(
    tenantId: string,
    total: number,
    idempotency: Idempotency | null,
  ): Promise<{ readonly job: Job; readonly existing: boolean }> {
    const key = idempotency?.key ?? null
    const fingerprint = idempotency?.fingerprint ?? null
    if (key !== null) await this.#store.run(FREE_KEY, [tenantId, key, this.#keySeconds])
    const [opened] = await this.#store.run<JobRow>(OPEN, [this.#newId(), tenantId, total, key, fingerprint])
    if (opened !== undefined) return { job: toJob(opened), existing: false }
    const [earlier] = await this.#store.run<JobRow>(FIND_BY_KEY, [tenantId, key])
    if (earlier === undefined)
      throw new Failure('conflict', 'the job of this idempotency key has just been removed')
    if (earlier.fingerprint !== fingerprint) {
      throw new Failure(
        'idempotency_mismatch',
        'the idempotency key belongs to an earlier request with another body',
      )
    }
    return { job: toJob(earlier), existing: true }
  }

  async close(id: string, refused: Readonly<Record<string, number>>): Promise<void> {
    await this.#store.run(CLOSE, [id, JSON.stringify(refused)])
  }

  async discard(id: string): Promise<void> {
    await this.#store.run(DISCARD, [id])
  }

  async find(tenantId: string, id: string): Promise<JobProgress | null> {
    type ProgressRow = JobRow & { statuses: Partial<Record<Status, number>> }
    const [row] = await this.#store.run<ProgressRow>(FIND, [id, tenantId])
    return row === undefined ? null : { ...toJob(row), statuses: row.statuses }
  }
}

const toJob = ({ id, tenant_id, total, refused, created_at }: JobRow): Job => ({
  id,
  tenantId: tenant_id,
  total,
  refused,
  createdAt: created_at,
})
