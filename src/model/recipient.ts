import type { Device } from './device.js'
import type { Frequency } from './frequency.js'
import type { Channel } from './notification.js'

export { type DigestFrequency, FREQUENCIES, type Frequency } from './frequency.js'

/** What a user may decide about at once, besides single types. */
export const GROUPS = ['system', 'activity', 'billing', 'marketing'] as const
export type Group = (typeof GROUPS)[number]

/** Concerns the account itself; nobody can turn it off. */
export const MANDATORY: Group = 'system'
/** Of types that nobody has put into a group. */
const COMMON: Group = 'activity'

/** A decision of the user about some of what they could be sent. */
export interface Subscription {
  /** `type` and `group` name one of them; `all` is everything that can be turned off. */
  readonly scope: 'type' | 'group' | 'all'
  /** The type or group; empty for `all`. */
  readonly name: string
  /** Null: by every channel. */
  readonly channel: Channel | null
  readonly enabled: boolean
  readonly frequency: Frequency
}

/** A daily window of local time. `start` after `end` spans midnight. Minutes after midnight. */
export interface QuietWindow {
  readonly start: number
  readonly end: number
}

/** What is known about somebody who is written to. */
export interface Recipient {
  readonly email: string | null
  readonly phone: string | null
  readonly devices: readonly Device[]
  /** BCP 47, such as `zh` or `en-GB`. */
  readonly locale: string | null
  /** IANA, such as `Asia/Shanghai`. */
  readonly timezone: string | null
  /** Null: as configured. Empty: none. */
  readonly quietHours: readonly QuietWindow[] | null
  /** Nothing is sent to whoever is on the blocklist. */
  readonly blocked: boolean
  readonly subscriptions: readonly Subscription[]
}

/** Somebody who has told us nothing. */
export const UNKNOWN: Recipient = {
  email: null,
  phone: null,
  devices: [],
  locale: null,
  timezone: null,
  quietHours: null,
  blocked: false,
  subscriptions: [],
}

/** Why nothing more goes to an address. */
export const SUPPRESSION_REASONS = ['bounce', 'complaint', 'gone', 'failing', 'manual'] as const
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number]

/** Somebody to write to, and whether their address may be used. */
export interface Standing {
  readonly recipient: Recipient
  /** Why nothing more goes to the address; null when it is good. */
  readonly suppression: SuppressionReason | null
}

/** Somebody who has told us nothing, at an address that is good. */
export const UNKNOWN_STANDING: Standing = { recipient: UNKNOWN, suppression: null }

/**
 * The group of a type: as listed, else what stands before the first dot of its name
 * (`marketing.newsletter`), else `activity`.
 * @param listed types by name, from the configuration
 */
export function groupOf(notificationType: string, listed: ReadonlyMap<string, Group>): Group {
  const prefix = notificationType.split('.', 1)[0]
  return listed.get(notificationType) ?? GROUPS.find((group) => group === prefix) ?? COMMON
}
