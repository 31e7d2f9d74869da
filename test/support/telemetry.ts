import { Writable } from 'node:stream'
import { createLog } from '../../src/telemetry/log.js'
import { createMetrics } from '../../src/telemetry/metrics.js'
import type { Telemetry } from '../../src/telemetry/telemetry.js'
import { NO_TRACING } from '../../src/telemetry/tracing.js'

export interface LogLine {
  readonly event: string
  readonly level: string
  readonly [field: string]: unknown
}

/** Telemetry whose log lines can be looked at. */
export function recordedTelemetry(): Telemetry & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  return { log: createLog('debug', stream), metrics: createMetrics(), tracing: NO_TRACING, lines }
}
