import type pg from 'pg'
import type { Clock } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'

const MEASURE_EVERY_MS = 30_000
const ROUND_TRIPS = 3

export interface LedgerClock extends Clock {
  /** Measures the offset anew; rejects when the database is away. */
  measure(): Promise<void>
  stop(): void
}

/** Counts on steadily when somebody sets the system's clock. */
const steadyTime = (): number => performance.timeOrigin + performance.now()

/**
 * The database's time: a local clock plus an offset that is measured now and every 30 s, so that
 * a machine whose clock is wrong is never early. While the database is away the last offset holds.
 * @param localTime the local clock, in milliseconds since the epoch
 */
export async function createClock(pool: pg.Pool, log: Log, localTime = steadyTime): Promise<LedgerClock> {
  let offset = await measureOffset(pool, localTime)
  const measure = async (): Promise<void> => {
    offset = await measureOffset(pool, localTime)
  }
  const timer = setInterval(() => {
    measure().catch((err: unknown) => log.event('postgres.clock_unmeasured', { err }))
  }, MEASURE_EVERY_MS)
  timer.unref()
  return {
    now: () => Math.floor(localTime() + offset),
    measure,
    stop: () => clearInterval(timer),
  }
}

/** The quickest of a few round trips is the least disturbed; the database answered about half way through it. */
async function measureOffset(pool: pg.Pool, localTime: () => number): Promise<number> {
  let quickest = Number.POSITIVE_INFINITY
  let offset = 0
  for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
    const started = localTime()
    const { rows } = await pool.query<{ now: number }>(
      'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
    )
    const took = localTime() - started
    const [row] = rows
    if (row && took < quickest) {
      quickest = took
      offset = row.now - (started + took / 2)
    }
  }
  return offset
}
