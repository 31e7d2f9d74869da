import type { Log } from './log.js'
import type { Metrics } from './metrics.js'

export interface Telemetry {
  readonly log: Log
  readonly metrics: Metrics
}
