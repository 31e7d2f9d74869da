export interface TracingOptions {
  /** Where OTLP is posted to, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string
  /** Sent with each export; may hold a token. */
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  readonly version: string
  /** Of the traces that begin here, from 0 to 1. */
  readonly sampleRatio: number
  /** Of one export, repeats included. */
  readonly exportTimeoutMs: number
}
