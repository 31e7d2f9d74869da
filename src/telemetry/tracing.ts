/** As OpenTelemetry tells them apart: called by another, calling another, taking from a queue, or none of these. */
export type SpanKind = 'server' | 'client' | 'consumer' | 'internal'

/** What a span tells besides its name. Null is left out. Users, titles, contents, addresses and tokens have no place here. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | null>>

/** A piece of work in a trace, from `start` to `end`. */
export interface Span {
  /** W3C Trace Context of this span: what follows from it names it as its parent. */
  readonly traceparent: string
  /**
   * Once; what comes after the first is ignored.
   * @param failure the code of what went wrong; null: nothing
   * @param told asked for only if the span is recorded
   */
  end(failure: string | null, told: () => SpanAttributes): void
}

/**
 * One trace from whoever asked for a notification to the call of the provider. A `start` that gives null records
 * nothing and costs nothing: what follows has the same parent.
 */
export interface Tracing {
  /** Whether anything is ever recorded. */
  readonly on: boolean
  /**
   * Goes on with the trace of `parent`, if that is recorded; without a parent a trace begins here, and may be
   * one that is not recorded.
   * @param parent a valid `traceparent`
   * @param links `traceparent`s of other traces that this comes of
   */
  start(name: string, kind: SpanKind, parent: string | null, links?: readonly string[]): Span | null
  /** Hands over what is recorded, for a short time; never rejects. */
  close(): Promise<void>
}

export const NO_TRACING: Tracing = {
  on: false,
  start: () => null,
  close: async () => undefined,
}
