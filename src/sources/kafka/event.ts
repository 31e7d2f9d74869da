import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import type { KafkaRecord, PoisonReason } from '../../model/dead-event.js'
import type { EventFacts } from '../../model/event-route.js'
import { readTraceparent } from '../../model/trace.js'
import {
  type Attributes,
  attributesOf,
  checkDataType,
  checkFormat,
  isBinary,
  isStructured,
  looksStructured,
  readStructured,
} from './cloud-event.js'
import { type EventHeaders, readHeaders } from './headers.js'
import { readJson } from './json.js'
import { nameIn, textIn } from './names.js'
import { Unreadable } from './unreadable.js'

/** An event as it was read from a record. */
export interface Event {
  readonly kind: 'event'
  readonly facts: EventFacts
  /** The same for the same event, however often and from whichever partition it comes; 43 characters of base64url. */
  readonly hash: string
  readonly traceparent: string | null
}

export type Reading =
  | Event
  /** There is no event in it. */
  | { readonly kind: 'tombstone' }
  | {
      readonly kind: 'unreadable'
      readonly reason: PoisonReason
      readonly detail: string
      /** As far as the headers tell. */
      readonly eventId: string | null
      readonly eventType: string | null
      readonly traceparent: string | null
    }

interface Content {
  readonly attributes: Attributes
  readonly data: unknown
}

/** Reads a plain JSON event or a CloudEvent 1.0 (Kafka protocol binding). Never throws. */
export function readEvent(record: KafkaRecord, maxBytes: number): Reading {
  const headers = readHeaders(record)
  try {
    const content = readContent(record, headers, maxBytes)
    return content === null ? { kind: 'tombstone' } : eventOf(record, headers, content)
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return {
      kind: 'unreadable',
      reason: error.reason,
      detail: error.message,
      eventId: nameIn(headers.attributes.get('id')),
      eventType: nameIn(headers.attributes.get('type')),
      traceparent: traceOf(headers, headers.attributes.get('traceparent')),
    }
  }
}

function readContent({ value }: KafkaRecord, headers: EventHeaders, maxBytes: number): Content | null {
  const size = value?.length ?? 0
  if (size > maxBytes) throw new Unreadable(`${size} bytes are more than ${maxBytes}`, 'payload_too_large')
  if (isStructured(headers)) {
    checkFormat(headers)
    return value === null ? null : readStructured(readJson(value, 'the value'))
  }
  const attributes = attributesOf(headers)
  const cloudEvent = isBinary(headers)
  // Of a CloudEvent only the data may be missing; some producers write nothing as no bytes.
  if (cloudEvent && size === 0) return { attributes, data: null }
  if (value === null) return null
  if (cloudEvent) checkDataType(headers)
  const data = readJson(value, 'the value')
  return !cloudEvent && looksStructured(data) ? readStructured(data) : { attributes, data }
}

function eventOf(record: KafkaRecord, headers: EventHeaders, { attributes, data }: Content): Event {
  const { topic, key } = record
  const type = attributes.type ?? textIn(data, 'event_type') ?? topic
  if (nameIn(type) === null)
    throw new Unreadable('the event type must be 1 to 255 characters without controls')
  const id = attributes.id ?? textIn(data, 'event_id')
  return {
    kind: 'event',
    facts: {
      event: {
        id: id ?? placeOf(record),
        type,
        source: attributes.source,
        subject: attributes.subject,
        time: attributes.time,
        topic,
        key: key !== null && isUtf8(key) ? key.toString() : null,
      },
      data,
    },
    hash: hashOf(id === null ? placeAndContent(record) : identity(id, type, attributes.source)),
    traceparent: traceOf(headers, attributes.traceparent),
  }
}

/** A source numbers its CloudEvents itself (CloudEvents 1.0 §3.1.1); other producers perhaps each type from 1. */
const identity = (id: string, type: string, source: string | null): readonly unknown[] =>
  source === null ? ['event', type, id] : ['cloudevent', source, id]

/** The content, because a topic that is made anew counts from the beginning. */
const placeAndContent = (record: KafkaRecord): readonly unknown[] => [
  'record',
  placeOf(record),
  hash('sha256', record.value ?? '', 'base64url'),
]

const placeOf = ({ topic, partition, offset }: KafkaRecord): string => `${topic}-${partition}-${offset}`

const hashOf = (parts: readonly unknown[]): string => hash('sha256', JSON.stringify(parts), 'base64url')

/** The header tells of the last hop, the extension of the first one. */
const traceOf = ({ traceparent }: EventHeaders, extension: string | null = null): string | null =>
  readTraceparent(traceparent) ?? readTraceparent(extension)
