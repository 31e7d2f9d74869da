import { type FiringPorts, fireRuns } from '../api/requests/recurring.js'
import type { Config } from '../config/config.js'
import { ScheduleRunner } from '../sources/schedules.js'
import { PostgresScheduleRuns } from '../state/postgres/schedule-runs.js'
import type { Store } from '../state/postgres/store.js'
import type { Telemetry } from '../telemetry/telemetry.js'

const TICK_MS = 1_000
const LEASE_MS = 60_000
const RUNS_AT_ONCE = 4

/** Fires recurring schedules from now on: each run is handed in as a caller would do it. */
export function runSchedules(
  { schedules: { missedAfterMs }, idempotency }: Config,
  store: Store,
  ports: FiringPorts,
  telemetry: Telemetry,
): ScheduleRunner {
  const runner = new ScheduleRunner(
    { runs: new PostgresScheduleRuns(store), fire: fireRuns(ports), telemetry },
    {
      missedAfterMs,
      intervalMs: TICK_MS,
      leaseMs: LEASE_MS,
      keyTtlMs: idempotency.ttlMs,
      slots: RUNS_AT_ONCE,
    },
  )
  runner.start()
  return runner
}
