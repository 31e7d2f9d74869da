/** `<version>-<trace id>-<parent id>-<flags>`; later versions may have more behind another hyphen. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/s
const NONE = /^0+$/
const SAMPLED = 0b01

/** Where something belongs: a trace and the span that it comes from. */
export interface TraceParent {
  readonly traceId: string
  readonly spanId: string
  /** Whether whoever came before records it. */
  readonly sampled: boolean
}

/** The parts of a `traceparent`; null where it is none, which the standard wants ignored (W3C Trace Context §3.2). */
export function parseTraceparent(text: string): TraceParent | null {
  const [, version, traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(text) ?? []
  if (version === undefined || version === 'ff' || NONE.test(traceId) || NONE.test(spanId)) return null
  if (version === '00' && more !== undefined) return null
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 }
}

/** In the version that everybody reads: 00. */
export const writeTraceparent = ({ traceId, spanId, sampled }: TraceParent): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`

/** The producer's trace, as it is passed on; null when there is none, or something else in its place. */
export function readTraceparent(header: unknown): string | null {
  if (typeof header !== 'string') return null
  const parent = parseTraceparent(header)
  if (parent === null) return null
  return header.startsWith('00-') ? header : writeTraceparent(parent)
}

/** The trace id of a W3C `traceparent`. */
export function traceIdOf(traceparent: string | null): string | undefined {
  return traceparent?.split('-')[1]
}
