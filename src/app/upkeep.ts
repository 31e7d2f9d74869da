import type { Config } from '../config/config.js'
import { Backlog } from '../state/backlog.js'
import { Recovery } from '../state/postgres/recovery.js'
import { Retention } from '../state/postgres/retention.js'
import { Sweeper, type SweepTurns } from '../state/sweeper.js'
import type { WatchedQueue } from '../state/watched-queue.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Database } from './database.js'

export interface Upkeep {
  readonly backlog: Backlog
  /** Resolves when what was there before is queued again. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** What keeps the stores in order beside the streams: sweeping, measuring, deleting what is old. */
export function upkeep(
  config: Config,
  { store, clock }: Database,
  queue: WatchedQueue,
  turns: SweepTurns,
  telemetry: Telemetry,
): Upkeep {
  const { queue: times, retention: keep, idempotency } = config
  const recovery = new Recovery(store)
  const sweeper = new Sweeper(
    { recovery, queue, turns, clock },
    { intervalMs: times.sweepIntervalMs, graceMs: times.sweepGraceMs, horizonMs: times.horizonMs },
    telemetry,
  )
  const backlog = new Backlog({ queue, recovery, clock }, { maxReady: times.maxReady }, telemetry)
  const retention = new Retention(
    store,
    clock,
    { keepMs: keep.days * 86_400_000, keyTtlMs: idempotency.ttlMs, intervalMs: keep.intervalMs },
    telemetry.log,
  )
  queue.onMissed(() => sweeper.suspect())
  return {
    backlog,
    start: async () => {
      await sweeper.start()
      backlog.start()
      retention.start()
    },
    stop: async () => {
      await Promise.all([sweeper.stop(), backlog.stop(), retention.stop()])
    },
  }
}
