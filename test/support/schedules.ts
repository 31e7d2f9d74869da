import type { Test } from 'tap'
import type { ScheduleDefinition, ScheduleRecord } from '../../src/api/ports.js'
import { scheduleId } from '../../src/model/id.js'
import { migrate } from '../../src/state/postgres/migrate.js'
import { PostgresScheduleRuns } from '../../src/state/postgres/schedule-runs.js'
import { PostgresSchedules } from '../../src/state/postgres/schedules.js'
import { Store } from '../../src/state/postgres/store.js'
import { silentLog, testDatabase } from './postgres.js'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS

export const MESSAGE = { user_id: 'ada', channel: 'in_app', title: 'Hello', content: 'Again' } as const

/** Every hour, for ever. */
export const hourly = (changes: Partial<ScheduleDefinition> = {}): ScheduleDefinition => ({
  name: 'A schedule',
  cron: null,
  every: '1h',
  timezone: 'UTC',
  startsAt: Date.now() - 1_000 * HOUR_MS,
  endsAt: null,
  missed: 'run_once',
  message: MESSAGE,
  ...changes,
})

/** Schedules on a database of their own, with short ways to put one in and to look. */
export async function testSchedules(t: Pick<Test, 'teardown'>) {
  const { connection, pool } = await testDatabase(t)
  await migrate(connection, silentLog())
  const store = new Store(pool)
  const schedules = new PostgresSchedules(store, { newId: () => scheduleId(Date.now()) })
  return {
    pool,
    store,
    schedules,
    runs: new PostgresScheduleRuns(store),
    /** One that was due so many milliseconds ago. */
    overdue: (ms: number, changes: Partial<ScheduleDefinition> = {}): Promise<ScheduleRecord> => {
      const nextRunAt = Date.now() - ms
      return schedules.create('acme', 'svc', hourly({ startsAt: nextRunAt - HOUR_MS, ...changes }), nextRunAt)
    },
    runsOf: async ({ tenantId, id }: ScheduleRecord) =>
      (await schedules.runs(tenantId, id, { limit: 100, cursor: null }))?.items ?? [],
  }
}
