/** The trace id of a W3C `traceparent`: `00-<trace id>-<parent id>-<flags>`. */
export function traceIdOf(traceparent: string | null): string | undefined {
  return traceparent?.split('-')[1]
}
