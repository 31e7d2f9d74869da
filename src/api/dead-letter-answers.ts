import { isUtf8 } from 'node:buffer'
import type { DeadEventRecord, DeadLetter } from '../model/dead-letter.js'
import { unstorable } from './http/stored-text.js'
import { isoTime } from './requests/time.js'
import type { DeadEventAnswer, DeadLetterAnswer } from './schemas/dead-letters.js'

const NO_NOTIFICATION = {
  user_id: null,
  channel: null,
  priority: null,
  notification_type: null,
  attempt: null,
} as const

const NO_EVENT = {
  topic: null,
  partition: null,
  offset: null,
  event_id: null,
  event_type: null,
  size: null,
} as const

export const deadLetterAnswer = (letter: DeadLetter): DeadLetterAnswer => ({
  id: letter.id,
  kind: letter.kind,
  status: letter.status,
  reason: letter.reason,
  detail: letter.detail,
  created_at: isoTime(letter.createdAt),
  dead_since: isoTime(letter.deadSince),
  ...(letter.kind === 'event'
    ? {
        ...NO_NOTIFICATION,
        topic: letter.topic,
        partition: letter.partition,
        offset: letter.offset,
        event_id: letter.eventId,
        event_type: letter.eventType,
        size: letter.size,
      }
    : {
        ...NO_EVENT,
        user_id: letter.userId,
        channel: letter.channel,
        priority: letter.priority,
        notification_type: letter.notificationType,
        attempt: letter.attempt,
      }),
})

export function deadEventAnswer({ record, complete, traceparent }: DeadEventRecord): DeadEventAnswer {
  const { value, encoding } =
    record.key === null ? { value: null, encoding: 'text' as const } : written(record.key)
  const payload = record.value === null ? NO_PAYLOAD : payloadAnswer(record.value)
  return {
    key: value,
    key_encoding: encoding,
    headers: record.headers.map(([name, bytes]) => ({ name, ...written(bytes) })),
    ...payload,
    complete,
    traceparent,
  }
}

const NO_PAYLOAD = { payload: null, payload_encoding: 'text' } as const

/** A number that would come out as another one. */
const LONG_NUMBER = /[[{:,\s]-?\d[\d.]{15,}/

/** As JSON where that shows exactly what is there; otherwise as it is. */
function payloadAnswer(bytes: Buffer): Pick<DeadEventAnswer, 'payload' | 'payload_encoding'> {
  const { value, encoding } = written(bytes)
  if (encoding === 'base64') return { payload: value, payload_encoding: encoding }
  const json = parse(value)
  const faithful = json !== undefined && unstorable(json) === null && !LONG_NUMBER.test(` ${value}`)
  return faithful
    ? { payload: json, payload_encoding: 'json' }
    : { payload: value, payload_encoding: encoding }
}

function written(bytes: Buffer): { readonly value: string; readonly encoding: 'text' | 'base64' } {
  return isUtf8(bytes)
    ? { value: bytes.toString('utf8'), encoding: 'text' }
    : { value: bytes.toString('base64'), encoding: 'base64' }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
