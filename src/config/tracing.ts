import { type Static, Type } from 'typebox'
import { Duration, Formatted, List, section, Text } from './values.js'
import { VERSION } from './version.js'

const SECOND = 1_000
const TRACES_PATH = 'v1/traces'

export const tracingSchema = section({
  endpoint: Type.Optional(Formatted('web-url')),
  traces_endpoint: Type.Optional(Formatted('web-url')),
  headers: List('header-pair'),
  service_name: Text,
  sample_ratio: Type.Number({ minimum: 0, maximum: 1 }),
  export_timeout: Duration(100, 60 * SECOND),
})

/** Null: nothing is recorded. */
export function tracingOf({
  endpoint,
  traces_endpoint,
  headers = [],
  service_name,
  sample_ratio,
  export_timeout,
}: Static<typeof tracingSchema>) {
  const url = traces_endpoint ?? (endpoint === undefined ? null : tracesUnder(endpoint))
  if (url === null) return null
  return {
    endpoint: url,
    headers: Object.fromEntries(headers.map(headerOf)),
    serviceName: service_name,
    version: VERSION,
    /** Of the traces that begin here. */
    sampleRatio: sample_ratio,
    exportTimeoutMs: export_timeout,
  }
}

/** The base is for all signals; only the one for traces is taken as it is (OTLP exporter specification). */
const tracesUnder = (base: string): string => `${base.replace(/\/+$/, '')}/${TRACES_PATH}`

/** Written like W3C Baggage: values are percent-encoded. */
function headerOf(pair: string): [name: string, value: string] {
  const end = pair.indexOf('=')
  return [pair.slice(0, end).trim(), decodeURIComponent(pair.slice(end + 1).trim())]
}
