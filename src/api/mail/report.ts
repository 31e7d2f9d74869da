import { Failure } from '../../model/failure.js'
import { type Entity, type Fields, mediaType, readEntity, readFields, readParts } from './fields.js'

/** RFC 3464 §2.3.3. */
export const ACTIONS = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'] as const
export type Action = (typeof ACTIONS)[number]

/** What a report says about one recipient. */
export interface RecipientReport {
  /** Where the mail was to go: first as it was sent, then as servers on the way have rewritten it. */
  readonly addresses: readonly string[]
  readonly action: Action
  /** RFC 3463, such as `5.1.1`. */
  readonly status: string
}

export type MailReport =
  | {
      readonly kind: 'bounce'
      readonly notificationId: string | null
      readonly recipients: readonly RecipientReport[]
    }
  /** Somebody has called it spam (RFC 5965). The addresses are often left out or blackened. */
  | {
      readonly kind: 'complaint'
      readonly notificationId: string | null
      readonly addresses: readonly string[]
    }

/** RFC 6533 §4: that of international mail is UTF-8. */
const GLOBAL_STATUS_TYPE = 'message/global-delivery-status'
const STATUS_TYPES = new Set(['message/delivery-status', GLOBAL_STATUS_TYPE])
const RETURNED_TYPES = new Set([
  'message/rfc822',
  'message/global',
  'text/rfc822-headers',
  'message/global-headers',
])
const FEEDBACK_TYPE = 'message/feedback-report'
/** Each mail of ours has one recipient. */
const MAX_RECIPIENTS = 100
const MAX_STATUS_CHARS = 256 * 1_024
const STATUS = /^([245]\.\d{1,3}\.\d{1,3})(?![\d.])/
const NOTIFICATION_ID = /notif_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/

/**
 * Reads a delivery report (RFC 3464) or a complaint (RFC 5965), in time in proportion to its length.
 * @throws Failure `validation_failed` that names what is missing
 */
export function readReport(text: string): MailReport {
  const message = readEntity(text)
  const type = mediaType(message)
  if (type !== 'multipart/report')
    throw unreadable(`the mail is ${known(type)}, not multipart/report (RFC 6522)`)
  const parts = readParts(message)
  if (parts === null) throw unreadable('its Content-Type has no boundary')
  const returned = returnedFields(parts)
  const notificationId = originalId(message, returned)
  const status = parts.find((part) => STATUS_TYPES.has(mediaType(part)))
  if (status !== undefined) return bounce(statusText(status), notificationId)
  const feedback = parts.find((part) => mediaType(part) === FEEDBACK_TYPE)
  if (feedback !== undefined) return complaint(readFields(feedback.body), returned, notificationId)
  throw unreadable('it has neither a message/delivery-status nor a message/feedback-report part')
}

function statusText(status: Entity): string {
  const text = status.body.slice(0, MAX_STATUS_CHARS)
  return mediaType(status) === GLOBAL_STATUS_TYPE ? utf8(text) : text
}

function bounce(text: string, returnedId: string | null): MailReport {
  const groups = text
    .split(/(?:\r?\n[ \t]*){2,}/, MAX_RECIPIENTS + 3)
    .map(readFields)
    .filter((fields) => fields.size > 0)
  const envelope = groups.find((fields) => fields.has('original-envelope-id'))
  const recipients = groups.filter((fields) => fields.has('final-recipient') || fields.has('action'))
  if (recipients.length === 0) throw unreadable('its delivery-status names no Final-Recipient')
  if (recipients.length > MAX_RECIPIENTS)
    throw unreadable(`it is about more than ${MAX_RECIPIENTS} recipients`)
  return {
    kind: 'bounce',
    notificationId: idIn(envelope?.get('original-envelope-id')) ?? returnedId,
    recipients: recipients.map(recipientReport),
  }
}

function recipientReport(fields: Fields): RecipientReport {
  const final = addressOf(fields.get('final-recipient'))
  if (final === null) throw unreadable('a Final-Recipient has no address (rfc822; name@example.com)')
  const original = addressOf(fields.get('original-recipient'))
  const action = ACTIONS.find((one) => one === fields.get('action')?.toLowerCase())
  if (action === undefined) throw unreadable(`an Action is none of ${ACTIONS.join(', ')}`)
  const status = STATUS.exec(fields.get('status') ?? '')?.[1]
  if (status === undefined) throw unreadable('a Status is not a code such as 5.1.1 (RFC 3463)')
  return {
    addresses: original === null || original === final ? [final] : [original, final],
    action,
    status: exactStatus(status, fields.get('diagnostic-code')),
  }
}

/** Servers that say no more than 5.0.0 often quote one that does, in its own words (RFC 3464 §2.3.6). */
function exactStatus(status: string, diagnostic: string | undefined): string {
  if (!status.endsWith('.0.0') || diagnostic === undefined) return status
  const quoted = /^smtp[ \t]*;[ \t]*[45]\d\d[ -]([45]\.\d{1,3}\.\d{1,3})(?![\d.])/i.exec(diagnostic)?.[1]
  return quoted?.startsWith(status.charAt(0)) ? quoted : status
}

function complaint(fields: Fields, returned: Fields | null, notificationId: string | null): MailReport {
  if (!fields.has('feedback-type')) throw unreadable('its feedback-report has no Feedback-Type')
  const named = [addressOf(fields.get('original-rcpt-to')), mailboxIn(returned?.get('to'))]
  const addresses = new Set(named.filter((address) => address !== null))
  return { kind: 'complaint', notificationId, addresses: [...addresses] }
}

/** What is returned of the mail that the report is about. */
function returnedFields(parts: readonly Entity[]): Fields | null {
  const returned = parts.find((part) => RETURNED_TYPES.has(mediaType(part)))
  return returned === undefined ? null : readEntity(returned.body).fields
}

/** Of the mail that it is about: from what is returned of it, or else from what the report answers to. */
const originalId = (message: Entity, returned: Fields | null): string | null =>
  idIn(returned?.get('message-id')) ?? idIn(message.fields.get('in-reply-to'))

const idIn = (text: string | undefined): string | null => NOTIFICATION_ID.exec(text ?? '')?.[0] ?? null

/** `rfc822; name@example.com` (RFC 3464 §2.3.1), in angle brackets or not; other kinds of addresses are not ours. */
function addressOf(field: string | undefined): string | null {
  const [, kind, address] = /^(?:([a-z0-9-]+)[ \t]*;)?[ \t]*<?([^\s<>;]{3,320})>?/i.exec(field ?? '') ?? []
  if (address === undefined || !address.includes('@')) return null
  if (kind?.toLowerCase() === 'utf-8') return address.replace(ESCAPED, unescaped)
  return kind === undefined || kind.toLowerCase() === 'rfc822' ? address : null
}

/** How a `utf-8` address stands in fields that are ASCII (RFC 6533 §3). */
const ESCAPED = /\\x\{(10[0-9a-f]{4}|[0-9a-f]{1,5})\}/gi
const unescaped = (_: string, hex: string): string => String.fromCodePoint(Number.parseInt(hex, 16))

/** `Ada <ada@example.com>` or the bare address; mail of ours has one recipient. */
function mailboxIn(to: string | undefined): string | null {
  const text = utf8(to ?? '')
  return addressOf(/<[^<>]{3,320}>[ \t]*$/.exec(text)?.[0] ?? text)
}

/** The bytes of a text that has one character for each. */
const utf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8')

/** What a caller sent is repeated only where it is a media type. */
const known = (type: string): string => (/^[a-z]+\/[a-z0-9.+-]{1,60}$/.test(type) ? type : 'of no known type')

const unreadable = (why: string): Failure =>
  new Failure('validation_failed', `the body is not a report that can be read: ${why}`)
