import type { KafkaRecord } from '../../model/dead-event.js'

/** The headers that say something about an event. */
export interface EventHeaders {
  readonly contentType: string | null
  readonly traceparent: string | null
  /** The attributes of a CloudEvent, by name: `ce_id` is `id`. */
  readonly attributes: ReadonlyMap<string, string>
}

const PREFIX = 'ce_'

/** Names are compared as they are, and the last value counts, as for Kafka's own clients. */
export function readHeaders({ headers }: Pick<KafkaRecord, 'headers'>): EventHeaders {
  let contentType: string | null = null
  let traceparent: string | null = null
  const attributes = new Map<string, string>()
  for (const [name, value] of headers) {
    if (name === 'content-type') contentType = value.toString()
    else if (name === 'traceparent') traceparent = value.toString()
    else if (name.startsWith(PREFIX)) attributes.set(name.slice(PREFIX.length), value.toString())
  }
  return { contentType, traceparent, attributes }
}
