import type { Statement } from './store.js'

/** Requests at the same moment may end a little above. */
export const MOST_SCHEDULES = 1_000
const KEPT_RUNS = 1_000

const SUMMARY = `s.id, s.tenant_id, s.name, s.cron, s.every, s.timezone, s.starts_at, s.ends_at, s.missed, s.paused,
  s.next_run_at, s.created_by, s.created_at, s.updated_at`
const RECORD = `${SUMMARY}, s.message, s.revision`
export const RUN = `r.planned_at, r.status, r.attempt, r.fired_at, r.notification_id, r.job_id, r.accepted, r.refused, r.error`

const OF_TENANT = 's.id = $1 AND s.tenant_id = $2'
const GIVEN = `json_to_record($3::json) AS g(name text, cron text, every text, timezone text, starts_at float8,
  ends_at float8, missed text, message jsonb, next_run_at float8)`
const time = (ms: string): string => `to_timestamp(${ms} / 1000)`

export const CREATE: Statement = {
  name: 'schedules_create',
  text: `INSERT INTO schedules AS s (id, tenant_id, name, cron, every, timezone, starts_at, ends_at, missed, message,
      next_run_at, created_by)
    SELECT $1::varchar, $2::varchar, g.name, g.cron, g.every, g.timezone, ${time('g.starts_at')}, ${time('g.ends_at')}, g.missed,
      g.message, ${time('g.next_run_at')}, $4::varchar
    FROM ${GIVEN} WHERE (SELECT count(*) FROM schedules WHERE tenant_id = $2) < ${MOST_SCHEDULES}
    RETURNING ${RECORD}`,
}

export const REPLACE: Statement = {
  name: 'schedules_replace',
  text: `UPDATE schedules s SET name = g.name, cron = g.cron, every = g.every, timezone = g.timezone,
      starts_at = ${time('g.starts_at')}, ends_at = ${time('g.ends_at')}, missed = g.missed, message = g.message,
      next_run_at = CASE WHEN s.paused THEN NULL ELSE ${time('g.next_run_at')} END,
      revision = s.revision + 1, updated_at = now()
    FROM ${GIVEN} WHERE ${OF_TENANT} RETURNING ${RECORD}`,
}

export const FIND: Statement = {
  name: 'schedules_find',
  text: `SELECT ${RECORD} FROM schedules s WHERE ${OF_TENANT}`,
}

export const LIST: Statement = {
  name: 'schedules_list',
  text: `SELECT ${SUMMARY} FROM schedules s WHERE s.tenant_id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3`,
}

export const REMOVE: Statement = {
  name: 'schedules_remove',
  text: `DELETE FROM schedules s WHERE ${OF_TENANT} RETURNING s.id`,
}

export const PAUSE: Statement = {
  name: 'schedules_pause',
  text: `UPDATE schedules s SET paused = true, next_run_at = NULL, revision = s.revision + 1,
      updated_at = CASE WHEN s.paused THEN s.updated_at ELSE now() END
    WHERE ${OF_TENANT} RETURNING ${RECORD}`,
}

export const RESUME: Statement = {
  name: 'schedules_resume',
  text: `UPDATE schedules s SET paused = false, next_run_at = ${time('$3::float8')}, revision = s.revision + 1,
      updated_at = now()
    WHERE ${OF_TENANT} AND s.paused AND s.revision = $4 RETURNING ${RECORD}`,
}

/** Newest first; what belongs to another tenant has none. */
export const RUNS: Statement = {
  name: 'schedules_runs',
  text: `SELECT ${RUN} FROM schedules s JOIN schedule_runs r ON r.schedule_id = s.id
    WHERE ${OF_TENANT} AND r.planned_at < coalesce(${time('$3::float8')}, 'infinity')
    ORDER BY r.planned_at DESC LIMIT $4`,
}

/** Beside the insertion of one run for each schedule in `begun`, which it does not see: so one less is kept of the others. */
export const FORGET_OLD_RUNS = `DELETE FROM schedule_runs r USING begun b
  WHERE r.schedule_id = b.id AND r.status <> 'firing' AND r.planned_at <= (
    SELECT o.planned_at FROM schedule_runs o WHERE o.schedule_id = b.id
    ORDER BY o.planned_at DESC OFFSET ${KEPT_RUNS - 1} LIMIT 1)`

export const RUN_NOW: Statement = {
  name: 'schedules_run_now',
  text: `WITH begun AS (
      SELECT s.id FROM schedules s WHERE ${OF_TENANT}
        AND NOT EXISTS (SELECT FROM schedule_runs WHERE schedule_id = $1 AND status = 'firing')
    ), forgotten AS (${FORGET_OLD_RUNS})
    INSERT INTO schedule_runs AS r (schedule_id, planned_at, status)
    SELECT id, date_trunc('milliseconds', now()), 'firing' FROM begun
    ON CONFLICT (schedule_id, planned_at) DO NOTHING RETURNING ${RUN}`,
}
