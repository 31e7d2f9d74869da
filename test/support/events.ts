import type { KafkaRecord } from '../../src/model/dead-event.js'

let offset = 0

/** A record, each at a place of its own. */
export const aRecord = ({
  headers = {},
  value = null,
  ...changes
}: Partial<Omit<KafkaRecord, 'headers' | 'value'>> & {
  readonly headers?: Readonly<Record<string, string>>
  /** Anything but bytes is written as JSON. */
  readonly value?: unknown
} = {}): KafkaRecord => {
  offset += 1
  return {
    topic: 'orders',
    partition: 2,
    offset: String(offset),
    key: null,
    value: value === null || Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)),
    headers: Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)] as const),
    ...changes,
  }
}

/** The headers of a CloudEvent in binary mode. */
export const CLOUD_EVENT = {
  ce_specversion: '1.0',
  ce_id: '1234',
  ce_source: '/orders',
  ce_type: 'order.paid',
  'content-type': 'application/json; charset=utf-8',
}
