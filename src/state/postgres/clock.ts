import type pg from 'pg'
import type { Clock } from '../../streams/ports.js'
import type { Log } from '../../telemetry/log.js'

const MEASURE_EVERY_MS = 30_000
const ROUND_TRIPS = 3
/** A slower one says too little; the last offset is better. */
const SLOWEST_TRIP_MS = 500

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
  let { offset } = await measureOffset(pool, localTime)
  const measure = async (): Promise<void> => {
    const measured = await measureOffset(pool, localTime)
    if (measured.took <= SLOWEST_TRIP_MS) offset = measured.offset
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

interface Measured {
  readonly offset: number
  /** Milliseconds that the round trip took; the offset is known to half of it. */
  readonly took: number
}

async function measureOffset(pool: pg.Pool, localTime: () => number): Promise<Measured> {
  // Waiting for a free connection must not count as being on the way.
  const client = await pool.connect()
  // A connection that breaks tells its statement and besides emits this.
  const onLost = (): void => undefined
  client.on('error', onLost)
  try {
    const best = await quickest(client, localTime)
    client.off('error', onLost)
    client.release()
    return best
  } catch (error) {
    client.release(true)
    throw error
  }
}

async function quickest(client: pg.PoolClient, localTime: () => number): Promise<Measured> {
  let best: Measured = { offset: 0, took: Number.POSITIVE_INFINITY }
  for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
    const started = localTime()
    const { rows } = await client.query<{ now: number }>(
      'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
    )
    const took = localTime() - started
    const [row] = rows
    if (row && took < best.took) best = { offset: row.now - (started + took / 2), took }
  }
  return best
}
