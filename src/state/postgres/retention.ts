import { idFloor } from '../../model/id.js'
import type { Clock } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'
import { sweepAttachments } from './attachment-sweep.js'
import type { Statement, Store } from './store.js'

export interface RetentionOptions {
  /** How long finished notifications are kept. */
  readonly keepMs: number
  /** How long idempotency keys are remembered. */
  readonly keyTtlMs: number
  readonly intervalMs: number
}

const BATCH = 5_000
const HOUR_MS = 3_600_000

const DELETE_NOTIFICATIONS: Statement = {
  name: 'retention_notifications',
  text: `WITH gone AS (
      DELETE FROM notifications WHERE id IN (
        SELECT id FROM notifications
        WHERE id < $1 AND status NOT IN ('pending', 'sending') ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
      RETURNING id
    ), attempts AS (
      DELETE FROM delivery_attempts WHERE notification_id = ANY(ARRAY(SELECT id FROM gone))
    )
    SELECT count(*) AS deleted FROM gone`,
}

const DELETE_JOBS: Statement = {
  name: 'retention_jobs',
  text: `WITH gone AS (
      DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE id < $1 ORDER BY id LIMIT ${BATCH}) RETURNING id
    ) SELECT count(*) AS deleted FROM gone`,
}

const DELETE_DEAD_LETTERS: Statement = {
  name: 'retention_dead_letters',
  text: `WITH gone AS (
      DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters WHERE id < $1 ORDER BY id LIMIT ${BATCH})
      RETURNING id
    ) SELECT count(*) AS deleted FROM gone`,
}

const DELETE_KEYS: Statement = {
  name: 'retention_keys',
  text: `WITH gone AS (
      DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_keys WHERE created_at < to_timestamp($1::float8 / 1000)
          AND (keep_seconds IS NULL OR created_at < now() - make_interval(secs => keep_seconds)) LIMIT ${BATCH}))
      RETURNING key
    ) SELECT count(*) AS deleted FROM gone`,
}

const DELETE_COUNTS: Statement = {
  name: 'retention_counts',
  text: `WITH gone AS (
      DELETE FROM send_counts WHERE ctid = ANY(ARRAY(SELECT ctid FROM send_counts WHERE hour < $1 LIMIT ${BATCH}))
      RETURNING hour
    ) SELECT count(*) AS deleted FROM gone`,
}

/** Deletes what is older than it need be, a batch at a time, so that nobody waits for it. */
export class Retention {
  readonly #store: Store
  readonly #clock: Clock
  readonly #options: RetentionOptions
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(store: Store, clock: Clock, options: RetentionOptions, log: Log) {
    this.#store = store
    this.#clock = clock
    this.#options = options
    this.#log = log
  }

  start(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#running = this.run().then(
        () => this.start(),
        (err: unknown) => {
          this.#log.event('postgres.retention_failed', { err })
          this.start()
        },
      )
    }, this.#options.intervalMs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async run(): Promise<void> {
    const now = this.#clock.now()
    const oldest = now - this.#options.keepMs
    const notifications = await this.#deleteAll(DELETE_NOTIFICATIONS, idFloor('notif', oldest))
    const jobs = await this.#deleteAll(DELETE_JOBS, idFloor('job', oldest))
    const deadLetters = await this.#deleteAll(DELETE_DEAD_LETTERS, idFloor('dl', oldest))
    const keys = await this.#deleteAll(DELETE_KEYS, now - this.#options.keyTtlMs)
    const counts = await this.#deleteAll(DELETE_COUNTS, Math.floor(now / HOUR_MS) - 1)
    const attachments = await sweepAttachments(this.#store, now, () => this.#stopped)
    const deleted = { notifications, jobs, dead_letters: deadLetters, keys, counts, attachments }
    if (Object.values(deleted).some((count) => count > 0)) this.#log.event('postgres.retention_done', deleted)
  }

  async #deleteAll(statement: Statement, before: string | number): Promise<number> {
    let total = 0
    while (!this.#stopped) {
      const [row] = await this.#store.run<{ deleted: number }>(statement, [before])
      const deleted = row?.deleted ?? 0
      total += deleted
      if (deleted < BATCH) break
    }
    return total
  }
}
