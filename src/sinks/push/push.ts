import { ADDRESS_FIELD, DEVICE_FIELD, DEVICES_FIELD } from '../../model/address.js'
import type { JsonObject } from '../../model/json.js'
import type { Notification } from '../../model/notification.js'

/** What is shown on a device, in the words of neither vendor. */
export interface Push {
  /** The same in every attempt. */
  readonly id: string
  readonly title: string
  readonly content: string
  /** Wakes the app and shows nothing. */
  readonly silent: boolean
  /** Delivered at once, also to a device that sleeps. */
  readonly urgent: boolean
  /** For the app. */
  readonly data: Readonly<Record<string, string>>
  /** Epoch milliseconds; null: as long as the provider keeps it. */
  readonly expiresAt: number | null
}

/** Addresses are nobody's business but the channel's, and the devices have been told their own by their provider. */
const NOT_FOR_THE_APP: ReadonlySet<string> = new Set([
  ...Object.values(ADDRESS_FIELD).filter((field) => field !== null),
  DEVICES_FIELD,
  DEVICE_FIELD,
  'platform',
  'silent',
])

/** Keys that FCM refuses (REST reference, `Message.data`) and the one that APNs reads itself. */
const RESERVED = /^(from|message_type|aps|google.*|gcm.*)$/i

export function pushOf({
  id,
  title,
  content,
  priority,
  notificationType,
  metadata,
  expiresAt,
}: Notification): Push {
  const silent = metadata.silent === true
  return {
    id,
    title,
    content,
    silent,
    urgent: !silent && (priority === 'high' || priority === 'critical'),
    data: { ...dataOf(metadata), id, type: notificationType, ...(silent && { title, content }) },
    expiresAt,
  }
}

/** Both vendors carry texts only; what is nested stays here. */
function dataOf(metadata: JsonObject): Record<string, string> {
  const data: Record<string, string> = {}
  for (const [key, value] of Object.entries(metadata)) {
    if (NOT_FOR_THE_APP.has(key) || RESERVED.test(key)) continue
    if (typeof value === 'string') data[key] = value
    else if (typeof value === 'number' || typeof value === 'boolean') data[key] = String(value)
  }
  return data
}
