import type { EventHeaders } from './headers.js'
import { readJson } from './json.js'
import { memberOf, textIn } from './names.js'
import { Unreadable } from './unreadable.js'

/** What a CloudEvent says about itself; null for what it does not say. */
export interface Attributes {
  readonly id: string | null
  readonly source: string | null
  readonly type: string | null
  readonly subject: string | null
  readonly time: string | null
  /** Of the distributed tracing extension. */
  readonly traceparent: string | null
}

const MEDIA_TYPE = 'application/cloudevents'
const VERSION = '1.0'
/** Required of every CloudEvent (CloudEvents 1.0 §3.1). */
const REQUIRED = ['specversion', 'id', 'source', 'type'] as const

/** Whether a record holds a CloudEvent as a whole (Kafka protocol binding §3). */
export const isStructured = ({ contentType }: EventHeaders): boolean =>
  contentType?.toLowerCase().startsWith(MEDIA_TYPE) ?? false

/** Whether the headers are those of a CloudEvent: only then a record without a value is an event (§3, §3.2.2). */
export const isBinary = ({ attributes }: EventHeaders): boolean =>
  REQUIRED.every((name) => Boolean(attributes.get(name)))

/** Its producer need not have said so by a header (§3.3.1). */
export const looksStructured = (body: unknown): boolean =>
  memberOf(body, 'specversion') === VERSION && REQUIRED.every((name) => textIn(body, name) !== null)

/** @throws Unreadable for a version whose attributes may mean something else */
export function attributesOf({ attributes }: EventHeaders): Attributes {
  const version = attributes.get('specversion') ?? VERSION
  if (version !== VERSION) throw new Unreadable(`ce_specversion must be ${VERSION}`)
  return attributesBy((name) => attributes.get(name) || null)
}

/** Of binary mode, whose content type is that of the data. */
export function checkDataType({ contentType }: EventHeaders): void {
  if (contentType !== null && !isJsonType(contentType)) {
    throw new Unreadable('the content-type of the data must be JSON')
  }
}

/** @throws Unreadable for formats other than JSON */
export function checkFormat({ contentType }: EventHeaders): void {
  if (contentType !== null && !/^application\/cloudevents\+json\s*(;|$)/i.test(contentType)) {
    throw new Unreadable('the content-type of a CloudEvent must be application/cloudevents+json')
  }
}

/** Reads the JSON format. @throws Unreadable naming what is missing */
export function readStructured(body: unknown): { readonly attributes: Attributes; readonly data: unknown } {
  for (const name of REQUIRED) {
    if (textIn(body, name) === null) throw new Unreadable(`the CloudEvent has no ${name}`)
  }
  if (textIn(body, 'specversion') !== VERSION) throw new Unreadable(`specversion must be ${VERSION}`)
  return { attributes: attributesBy((name) => textIn(body, name)), data: dataOf(body) }
}

/** JSON as it stands, or as bytes in Base64 (JSON format §3.1). */
function dataOf(body: unknown): unknown {
  const encoded = memberOf(body, 'data_base64')
  if (encoded === undefined || encoded === null) return memberOf(body, 'data') ?? null
  if (typeof encoded !== 'string') throw new Unreadable('data_base64 must be a text')
  return readJson(Buffer.from(encoded, 'base64'), 'data_base64')
}

const attributesBy = (read: (name: string) => string | null): Attributes => ({
  id: read('id'),
  source: read('source'),
  type: read('type'),
  subject: read('subject'),
  time: read('time'),
  traceparent: read('traceparent'),
})

/** `application/json`, `text/json`, `application/…+json`, with or without parameters. */
const isJsonType = (contentType: string): boolean => /^[^;]*[/+]json\s*(;|$)/i.test(contentType)
