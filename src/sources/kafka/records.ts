import type { IHeaders, KafkaMessage } from 'kafkajs'
import type { KafkaRecord } from '../../model/dead-event.js'

/** Where a record is, and what it is counted by. */
export interface Place {
  readonly topic: string
  readonly partition: number
}

export const placeKey = ({ topic, partition }: Place): string => `${topic}/${partition}`

type Message = Pick<KafkaMessage, 'offset' | 'key' | 'value'> & { readonly headers?: IHeaders | undefined }

export function recordOf({ topic, partition }: Place, message: Message): KafkaRecord {
  const { offset, key, value, headers = {} } = message
  return {
    topic,
    partition,
    offset,
    key: key ?? null,
    value: value ?? null,
    headers: Object.entries(headers).flatMap(([name, values]) =>
      (Array.isArray(values) ? values : [values]).map((header) => [name, bytesOf(header)] as const),
    ),
  }
}

/** A header that has no value is as good as empty. */
const bytesOf = (value: Buffer | string | null | undefined): Buffer =>
  Buffer.isBuffer(value) ? value : Buffer.from(value ?? '')
