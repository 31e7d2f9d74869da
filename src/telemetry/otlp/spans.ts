import {
  type Context,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  SpanKind as SdkSpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace-base'
import { parseTraceparent, type TraceParent, writeTraceparent } from '../../model/trace.js'
import type { Span, SpanAttributes, SpanKind } from '../tracing.js'

const KINDS: Readonly<Record<SpanKind, SdkSpanKind>> = {
  server: SdkSpanKind.SERVER,
  client: SdkSpanKind.CLIENT,
  consumer: SdkSpanKind.CONSUMER,
  internal: SdkSpanKind.INTERNAL,
}
/** What begins here has its parent in another process. */
const ENTRIES: ReadonlySet<SpanKind> = new Set(['server', 'consumer'])

/** Begins spans, and decides which are recorded: those whose parent is, and a share of the traces that begin here. */
export class Spans {
  readonly #tracer: Tracer
  readonly #sampleRatio: number
  readonly #ids: IdGenerator = new RandomIdGenerator()

  /** @param tracer records everything that it is asked for */
  constructor(tracer: Tracer, sampleRatio: number) {
    this.#tracer = tracer
    this.#sampleRatio = sampleRatio
  }

  start(name: string, kind: SpanKind, parent: string | null, links: readonly string[] = []): Span | null {
    const before = parent === null ? null : parseTraceparent(parent)
    if (before?.sampled === false) return null
    const linked = links.flatMap((link) => parseTraceparent(link) ?? [])
    if (before === null && !this.#begins(linked)) return this.#unrecorded()
    const span = this.#tracer.startSpan(
      name,
      { kind: KINDS[kind], links: linked.map((link) => ({ context: contextOf(link) })) },
      parentContext(before, ENTRIES.has(kind)),
    )
    return new RecordedSpan(span)
  }

  /** Whoever looks at a trace that is recorded wants to see what became of it. */
  #begins(links: readonly TraceParent[]): boolean {
    return links.some(({ sampled }) => sampled) || Math.random() < this.#sampleRatio
  }

  #unrecorded(): Span {
    const traceparent = writeTraceparent({
      traceId: this.#ids.generateTraceId(),
      spanId: this.#ids.generateSpanId(),
      sampled: false,
    })
    return { traceparent, end: () => undefined }
  }
}

class RecordedSpan implements Span {
  readonly traceparent: string
  readonly #span: SdkSpan

  constructor(span: SdkSpan) {
    const { traceId, spanId } = span.spanContext()
    this.traceparent = writeTraceparent({ traceId, spanId, sampled: true })
    this.#span = span
  }

  end(failure: string | null, told: () => SpanAttributes): void {
    if (!this.#span.isRecording()) return
    for (const [name, value] of Object.entries(told())) {
      if (value !== null) this.#span.setAttribute(name, value)
    }
    if (failure !== null) {
      this.#span.setAttribute('error.type', failure)
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
    }
    this.#span.end()
  }
}

const contextOf = ({ traceId, spanId, sampled }: TraceParent) => ({
  traceId,
  spanId,
  traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
})

const parentContext = (parent: TraceParent | null, isRemote: boolean): Context =>
  parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...contextOf(parent), isRemote })
