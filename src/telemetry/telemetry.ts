import type { Log } from './log.js'
import type { Metrics } from './metrics.js'
import type { Tracing } from './tracing.js'

/** What tells of single events and of many of them. */
export interface Recording {
  readonly log: Log
  readonly metrics: Metrics
}

export interface Telemetry extends Recording {
  readonly tracing: Tracing
}
