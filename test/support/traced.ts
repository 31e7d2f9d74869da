import type { Test } from 'tap'
import { openTracing } from '../../src/telemetry/open-tracing.js'
import type { TracingOptions } from '../../src/telemetry/otlp/options.js'
import type { Telemetry } from '../../src/telemetry/telemetry.js'
import { Collector, type ExportedSpan } from './otlp.js'
import { type LogLine, recordedTelemetry } from './telemetry.js'

export interface Traced {
  readonly collector: Collector
  readonly telemetry: Telemetry & { readonly lines: readonly LogLine[] }
  /** Ends the tracing; resolves to everything that was exported. */
  exported(): Promise<readonly ExportedSpan[]>
}

/** Telemetry whose spans a collector gets. By default every trace that begins here is recorded. */
export async function traced(t: Test, changes: Partial<TracingOptions> = {}): Promise<Traced> {
  const collector = await Collector.start(t)
  const recorded = recordedTelemetry()
  const tracing = await openTracing(
    {
      endpoint: collector.endpoint,
      headers: {},
      serviceName: 'notify',
      version: '1.2.3',
      sampleRatio: 1,
      exportTimeoutMs: 1_000,
      ...changes,
    },
    recorded,
  )
  t.teardown(() => tracing.close())
  return {
    collector,
    telemetry: { ...recorded, tracing },
    exported: async () => {
      await tracing.close()
      return collector.spans
    },
  }
}
