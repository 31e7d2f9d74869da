import { ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics.js'
import type { Recording } from '../telemetry.js'

type Done = Parameters<SpanExporter['export']>[1]
type Result = Parameters<Done>[0]

/** Of a reason in the log, in characters: what a collector answers may be long. */
const LONGEST_REASON = 200

/** Counts what waits to be exported: what is above the limit is dropped, and counted, too. */
export class Waiting {
  readonly #limit: number
  #spans = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  enter(): boolean {
    if (this.#spans >= this.#limit) return false
    this.#spans += 1
    return true
  }

  leave(spans: number): void {
    this.#spans -= spans
  }
}

/** Lets no more spans into `inner` than may wait there. */
export function bounded(inner: SpanProcessor, waiting: Waiting, { spans }: Metrics): SpanProcessor {
  const dropped = spans.labels('dropped')
  return {
    onStart: (span, context) => inner.onStart(span, context),
    onEnd: (span) => {
      if (waiting.enter()) inner.onEnd(span)
      else dropped.inc()
    },
    forceFlush: () => inner.forceFlush(),
    shutdown: () => inner.shutdown(),
  }
}

/** An exporter that tells when the collector is lost and when it is back, and counts what becomes of the spans. */
export class WatchedExporter implements SpanExporter {
  readonly #inner: SpanExporter
  readonly #waiting: Waiting
  readonly #log: Log
  readonly #metrics: Metrics
  #failing = false

  constructor(inner: SpanExporter, waiting: Waiting, { log, metrics }: Recording) {
    this.#inner = inner
    this.#waiting = waiting
    this.#log = log
    this.#metrics = metrics
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#waiting.leave(spans.length)
    this.#inner.export(spans, (result) => {
      this.#tell(result, spans.length)
      done(result)
    })
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush?.() ?? Promise.resolve()
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown()
  }

  #tell({ code, error }: Result, spans: number): void {
    const failed = code !== ExportResultCode.SUCCESS
    this.#metrics.spans.inc({ result: failed ? 'failed' : 'exported' }, spans)
    if (failed === this.#failing) return
    this.#failing = failed
    if (failed) this.#log.event('tracing.export_failed', { reason: reasonOf(error) })
    else this.#log.event('tracing.export_recovered')
  }
}

/** Not the whole error: it may carry the collector's answer. */
function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'unknown'
  const code = 'code' in error && error.code !== undefined ? `${error.code} ` : ''
  return `${code}${error.message}`.trim().slice(0, LONGEST_REASON)
}
