import { DEVICES_FIELD, lacksAddress } from '../../model/address.js'
import { Failure, type FieldError } from '../../model/failure.js'
import type { JsonObject } from '../../model/json.js'
import type { Channel, NotificationRequest } from '../../model/notification.js'
import type { Clock } from '../../streams/ports.js'
import { validationFailed } from '../http/validation.js'
import type { MessageBody } from '../schemas/send.js'
import { readAttachments } from './attachments.js'
import { LOCALE_EXPECTED, readLocale } from './locale.js'
import { readTimes } from './schedule.js'

export const MAX_METADATA_BYTES = 16 * 1024
/** A thousand tokens of today's length, and some room. */
const MAX_DEVICES_BYTES = 384 * 1024

/** Checks the address that a channel needs in the metadata; `prefix` is where the metadata stand in the request. */
export type AddressCheck = (metadata: JsonObject, prefix: string) => FieldError | null

/** The metadata with the address of a channel in its one spelling, such as a phone number as E.164. */
export type AddressSpelling = (metadata: JsonObject) => JsonObject

/** What a request is measured by. */
export interface MessageRules {
  /** Those that are switched on, and open to this tenant. */
  readonly channels: (tenantId: string) => ReadonlySet<Channel>
  readonly checks: Readonly<Record<Channel, AddressCheck>>
  /** Left out: every address is spelled as it is given. */
  readonly spelled?: AddressSpelling
  /** Of all files of one request. */
  readonly maxAttachmentBytes: number
  readonly clock: Clock
}

/** A notification without its recipient. */
export type Message = Omit<NotificationRequest, 'userId' | 'jobId'>

/**
 * Reads what the schema alone cannot judge. The same for every way in.
 * @throws Failure `validation_failed` naming every field that is wrong
 */
export function readMessage(body: MessageBody, traceparent: string | null, rules: MessageRules): Message {
  const errors = textErrors(body)
  const channels = rules.channels(body.tenant_id)
  if (!channels.has(body.channel)) {
    errors.push({
      field: '/channel',
      message: `is not open to this tenant here; there are ${[...channels].join(', ')}`,
    })
  }
  const metadata = body.metadata ?? {}
  const tooLarge = metadataError(metadata, '/metadata', body.channel)
  if (tooLarge !== null) errors.push(tooLarge)
  const locale = readLocale(body.locale)
  if (locale === null) errors.push({ field: '/locale', message: LOCALE_EXPECTED })
  const attachments = readAttachments(body, rules.maxAttachmentBytes, errors)
  const times = readTimes(body, rules.clock.now(), errors)
  if (errors.length > 0) throw validationFailed(errors)
  return {
    tenantId: body.tenant_id,
    channel: body.channel,
    priority: body.priority ?? 'medium',
    notificationType: body.notification_type ?? 'activity',
    templateId: body.template_id ?? null,
    variables: body.variables ?? null,
    locale: locale ?? null,
    title: body.title ?? '',
    content: body.content ?? '',
    metadata: spelled(metadata, rules),
    attachments,
    scheduledAt: times.scheduledAt,
    expiresAt: times.expiresAt,
    traceparent,
  }
}

export const spelled = (metadata: JsonObject, rules: MessageRules): JsonObject =>
  rules.spelled?.(metadata) ?? metadata

/** Why the address that the sender gave cannot be used; names the field in the metadata, which stand at `prefix`. */
export function addressRefusal(message: Message, prefix: string, rules: MessageRules): Failure | null {
  // The directory may have what is not given; that is looked up with the rest of the batch.
  if (lacksAddress(message.channel, message.metadata)) return null
  const error = rules.checks[message.channel](message.metadata, prefix)
  return error === null ? null : Failure.field('invalid_address', error.field, error.message)
}

/**
 * Metadata are kept with every notification and sent with it.
 * @param channel whose addresses are measured apart from the rest; null: nothing is
 */
export function metadataError(
  metadata: JsonObject,
  field: string,
  channel: Channel | null = null,
): FieldError | null {
  const { [DEVICES_FIELD]: devices, ...others } = metadata
  const apart = channel === 'push' && devices !== undefined
  const measured = [
    { field, json: apart ? others : metadata, most: MAX_METADATA_BYTES },
    ...(apart ? [{ field: `${field}/${DEVICES_FIELD}`, json: devices, most: MAX_DEVICES_BYTES }] : []),
  ]
  const tooLarge = measured.find(({ json, most }) => Buffer.byteLength(JSON.stringify(json)) > most)
  if (tooLarge === undefined) return null
  return { field: tooLarge.field, message: `must not be larger than ${tooLarge.most} bytes of JSON` }
}

/** A template goes before a title and content that stand beside it. */
function textErrors(body: MessageBody): FieldError[] {
  if (body.template_id !== undefined) return []
  return (['title', 'content'] as const)
    .filter((name) => body[name] === undefined)
    .map((name) => ({ field: `/${name}`, message: 'is required without template_id' }))
}
