import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources'
import { AlwaysOnSampler, BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { Recording } from '../telemetry.js'
import type { Tracing } from '../tracing.js'
import { bounded, Waiting, WatchedExporter } from './export.js'
import type { TracingOptions } from './options.js'
import { Spans } from './spans.js'

/** Spans that may wait for the collector, and how many are sent at once, and how long fewer than that wait for others. */
const MOST_WAITING = 8_192
const SENT_AT_ONCE = 512
const SENT_EVERY_MS = 1_000
/** Behind the exporter's own, which ends first and says why. */
const GRACE_MS = 1_000
/** How long a stop waits for the last spans. */
const LAST_SPANS_MS = 2_000

/** Tracing by the OpenTelemetry SDK, exported as OTLP over HTTP. */
export function openOtlp(options: TracingOptions, telemetry: Recording): Tracing {
  const { endpoint, headers, exportTimeoutMs, sampleRatio } = options
  const waiting = new Waiting(MOST_WAITING)
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    headers: { ...headers },
    timeoutMillis: exportTimeoutMs,
  })
  const batches = new BatchSpanProcessor(new WatchedExporter(exporter, waiting, telemetry), {
    maxQueueSize: MOST_WAITING,
    maxExportBatchSize: SENT_AT_ONCE,
    scheduledDelayMillis: SENT_EVERY_MS,
    exportTimeoutMillis: exportTimeoutMs + GRACE_MS,
  })
  const provider = new BasicTracerProvider({
    resource: resourceOf(options),
    // What is not to be recorded never comes to the SDK.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [bounded(batches, waiting, telemetry.metrics)],
  })
  const spans = new Spans(provider.getTracer(options.serviceName, options.version), sampleRatio)
  telemetry.log.event('tracing.started', { endpoint: shown(endpoint), sample_ratio: sampleRatio })
  return {
    on: true,
    start: (name, kind, parent, links) => spans.start(name, kind, parent, links),
    close: () => within(LAST_SPANS_MS, provider.shutdown()),
  }
}

/** What `OTEL_RESOURCE_ATTRIBUTES` says goes before what is known here, but for the name, which has a setting. */
const resourceOf = ({ serviceName, version }: TracingOptions): Resource =>
  defaultResource()
    .merge(resourceFromAttributes({ 'service.version': version, 'process.pid': process.pid }))
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }))
    .merge(resourceFromAttributes({ 'service.name': serviceName }))

/** Without a login that may be in it. */
function shown(endpoint: string): string {
  const { origin, pathname } = new URL(endpoint)
  return `${origin}${pathname}`
}

/** What fails here was told by the exporter. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work.catch(() => undefined), late])
  clearTimeout(timer)
}
