import type { DueRun, DueSchedule } from '../../model/due-run.js'
import type { Json } from '../../model/json.js'
import type { MissedPolicy, RunResult, RunToFire } from '../../model/schedule.js'
import { type TimingRow, toTiming } from './schedule-rows.js'
import { FORGET_OLD_RUNS } from './schedule-statements.js'
import type { Statement, Store } from './store.js'

/** A schedule whose time has come, as it stood when it was read. */
interface FoundDue extends DueSchedule {
  readonly scheduleId: string
  readonly tenantId: string
  readonly revision: number
}

/** A schedule whose time has come, and what was made of that. */
interface PlannedRun {
  readonly due: FoundDue
  readonly run: DueRun
}

/** A run that this instance has to itself until its lease ends. */
interface LeasedRun extends RunToFire {
  /** How often it was leased, this time included. */
  readonly attempt: number
  readonly lateMs: number
  readonly missed: MissedPolicy
}

const DUE: Statement = {
  name: 'schedule_runs_due',
  text: `SELECT s.id, s.tenant_id, s.cron, s.every, s.timezone, s.starts_at, s.ends_at, s.missed, s.next_run_at,
      s.revision, now() AS now
    FROM schedules s WHERE s.next_run_at <= now() AND NOT s.paused ORDER BY s.next_run_at LIMIT $1`,
}

/**
 * Compares and sets: of all instances that found a schedule due, one moves it on and writes its run.
 * The rows are locked first, and left to whoever has them, so that instances do not wait for each other in a ring.
 */
const PLAN: Statement = {
  name: 'schedule_runs_plan',
  text: `WITH found AS (
      SELECT p.*, s.id FROM json_to_recordset($1::json) AS p(schedule_id text, revision int, planned_at float8,
        next_run_at float8, run_at float8, status text, error text)
      JOIN schedules s ON s.id = p.schedule_id AND s.revision = p.revision AND NOT s.paused
        AND date_trunc('milliseconds', s.next_run_at) = to_timestamp(p.planned_at / 1000)
      FOR UPDATE OF s SKIP LOCKED
    ), begun AS (
      UPDATE schedules s SET next_run_at = to_timestamp(found.next_run_at / 1000) FROM found WHERE s.id = found.id
      RETURNING s.id, found.run_at, found.status, found.error
    ), forgotten AS (${FORGET_OLD_RUNS})
    INSERT INTO schedule_runs (schedule_id, planned_at, status, error)
    SELECT id, to_timestamp(run_at / 1000), status, error FROM begun
    ON CONFLICT (schedule_id, planned_at) DO NOTHING RETURNING schedule_id`,
}

const LEASE: Statement = {
  name: 'schedule_runs_lease',
  text: `WITH free AS MATERIALIZED (
      SELECT schedule_id, planned_at FROM schedule_runs WHERE status = 'firing' AND lease_until <= now()
      ORDER BY lease_until LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    UPDATE schedule_runs r SET attempt = r.attempt + 1, fired_at = now(),
      lease_until = now() + make_interval(secs => $2)
    FROM free JOIN schedules s ON s.id = free.schedule_id
    WHERE r.schedule_id = free.schedule_id AND r.planned_at = free.planned_at
    RETURNING r.schedule_id, s.tenant_id, r.planned_at, r.attempt, s.message,
      extract(epoch FROM now() - r.planned_at)::float8 * 1000 AS late, s.missed`,
}

/** Only for whoever leased it last: what an earlier one found out too late is found out again. */
const RECORD: Statement = {
  name: 'schedule_runs_record',
  text: `UPDATE schedule_runs SET status = $4, notification_id = $5, job_id = $6, accepted = $7, refused = $8, error = $9
    WHERE schedule_id = $1 AND planned_at = to_timestamp($2::float8 / 1000) AND attempt = $3 AND status = 'firing'
    RETURNING schedule_id`,
}

interface DueRow extends TimingRow {
  readonly id: string
  readonly tenant_id: string
  readonly next_run_at: number
  readonly revision: number
  readonly now: number
}

interface LeasedRow {
  readonly schedule_id: string
  readonly tenant_id: string
  readonly planned_at: number
  readonly attempt: number
  readonly message: Json
  readonly late: number
  readonly missed: MissedPolicy
}

/** The runs of schedules, so that each is fired once, by whichever instance. Time is the database's. */
export class PostgresScheduleRuns {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Schedules whose time has come, the longest overdue first. */
  async due(limit: number): Promise<readonly FoundDue[]> {
    const rows = await this.#store.run<DueRow>(DUE, [limit])
    return rows.map((row) => ({
      ...toTiming(row),
      scheduleId: row.id,
      tenantId: row.tenant_id,
      revision: row.revision,
      plannedAt: row.next_run_at,
      now: row.now,
    }))
  }

  /** Moves schedules on and writes their runs; resolves to the ids of those where this instance was first. */
  async plan(runs: readonly PlannedRun[]): Promise<ReadonlySet<string>> {
    const plan = runs.map(({ due, run }) => ({
      schedule_id: due.scheduleId,
      revision: due.revision,
      planned_at: due.plannedAt,
      next_run_at: run.nextRunAt,
      run_at: run.runAt,
      status: run.status,
      error: run.error,
    }))
    const rows = await this.#store.run<{ readonly schedule_id: string }>(PLAN, [JSON.stringify(plan)])
    return new Set(rows.map(({ schedule_id }) => schedule_id))
  }

  /** Takes runs that nobody is firing; the lease begins with this call. */
  async lease(limit: number, leaseMs: number): Promise<readonly LeasedRun[]> {
    const rows = await this.#store.run<LeasedRow>(LEASE, [limit, leaseMs / 1000])
    return rows.map((row) => ({
      scheduleId: row.schedule_id,
      tenantId: row.tenant_id,
      plannedAt: row.planned_at,
      attempt: row.attempt,
      message: row.message,
      lateMs: row.late,
      missed: row.missed,
    }))
  }

  /** Writes what a run came to; false when the run is no longer ours, or its schedule was deleted. */
  async record({ scheduleId, plannedAt, attempt }: LeasedRun, result: RunResult): Promise<boolean> {
    const { notificationId, jobId, accepted, refused, error } = result
    const status = result.status === 'again' ? 'firing' : result.status
    const values = [scheduleId, plannedAt, attempt, status, notificationId, jobId, accepted, refused, error]
    return (await this.#store.run(RECORD, values)).length > 0
  }
}
