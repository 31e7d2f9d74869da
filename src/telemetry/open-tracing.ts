import type { TracingOptions } from './otlp/options.js'
import type { Recording } from './telemetry.js'
import { NO_TRACING, type Tracing } from './tracing.js'

/** @param options null: nothing is recorded, and the SDK is not even loaded */
export async function openTracing(options: TracingOptions | null, telemetry: Recording): Promise<Tracing> {
  if (options === null) return NO_TRACING
  const { openOtlp } = await import('./otlp/open.js')
  return openOtlp(options, telemetry)
}
