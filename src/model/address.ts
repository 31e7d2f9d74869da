import { domainToASCII } from 'node:url'
import type { JsonObject } from './json.js'
import type { Channel } from './notification.js'
import type { Recipient } from './recipient.js'

/** Where the one address that a channel needs stands in the metadata. Null: there is no such thing. */
export const ADDRESS_FIELD: Readonly<Record<Channel, string | null>> = {
  email: 'email',
  sms: 'phone',
  webhook: 'webhook_url',
  // Reached by the user's id, or at the user's devices: see below.
  websocket: null,
  in_app: null,
  push: null,
}

/** Where devices stand in the metadata: a list of them, or one (with its platform beside it). */
export const DEVICES_FIELD = 'devices'
export const DEVICE_FIELD = 'device_token'

/** Names a registered endpoint in place of a URL. */
export const ENDPOINT_FIELD = 'webhook_endpoint'
const ENDPOINT_ID = /^whe_/

/** Everything in the metadata that says where a notification goes, by channel. */
export const ADDRESS_FIELDS: Readonly<Record<Channel, readonly string[]>> = {
  email: ['email'],
  sms: ['phone'],
  webhook: ['webhook_url', ENDPOINT_FIELD],
  websocket: [],
  in_app: [],
  push: [DEVICES_FIELD, DEVICE_FIELD],
}
const ANY_ADDRESS = new Set(Object.values(ADDRESS_FIELDS).flat())

/** What of the metadata is for whoever receives a notification: not where else they could be reached. */
export function withoutAddresses(metadata: JsonObject): JsonObject {
  const names = Object.keys(metadata)
  if (!names.some((name) => ANY_ADDRESS.has(name))) return metadata
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !ANY_ADDRESS.has(name)))
}

/** The address that a sender gave; null when there is none. */
export function givenAddress(channel: Channel, metadata: JsonObject): string | null {
  const field = ADDRESS_FIELD[channel]
  const address = field === null ? null : metadata[field]
  return typeof address === 'string' ? address : null
}

/** Whether the directory has to say where a notification goes. */
export function lacksAddress(channel: Channel, metadata: JsonObject): boolean {
  if (channel === 'push') return metadata[DEVICES_FIELD] === undefined && metadata[DEVICE_FIELD] === undefined
  const field = ADDRESS_FIELD[channel]
  return field !== null && metadata[field] === undefined
}

/** One spelling for addresses that reach the same mailbox, so that a suppressed one is recognised. */
export function canonicalAddress(channel: Channel, address: string): string {
  if (channel === 'sms') return address.replace(/[^+\d]/g, '')
  if (channel === 'webhook') return canonicalUrl(address.trim())
  if (channel !== 'email') return address.trim()
  const [text, local, domain = ''] = /^(?:(.*)@)?(.*)$/s.exec(address.trim()) ?? [address]
  // Two spellings of an international domain are one.
  return (local === undefined ? text : `${local}@${domainToASCII(domain) || domain}`).toLowerCase()
}

/** As it is called: a fragment never leaves the caller (RFC 9110 §7.1), a dot at the end of the host says nothing. */
function canonicalUrl(text: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  url.hash = ''
  url.hostname = url.hostname.replace(/\.$/, '')
  return url.href
}

/** The part of the metadata that holds an address: the registered endpoint, where it is named in place of a URL. */
export function addressMetadata(channel: Channel, address: string | null): JsonObject {
  const field =
    channel === 'webhook' && ENDPOINT_ID.test(address ?? '') ? ENDPOINT_FIELD : ADDRESS_FIELD[channel]
  return field === null || address === null ? {} : { [field]: address }
}

/** What the directory has for a channel; null when it has nothing. */
export function directoryAddress(
  channel: Channel,
  { email, phone }: Pick<Recipient, 'email' | 'phone'>,
): string | null {
  if (channel === 'email') return email
  return channel === 'sms' ? phone : null
}

/** The part of the metadata that says where a notification goes, from the directory; null when it does not tell. */
export function directoryMetadata(channel: Channel, recipient: Recipient): JsonObject | null {
  if (channel === 'push') {
    const devices = recipient.devices.map(({ platform, token }) => ({ platform, token }))
    return devices.length === 0 ? null : { [DEVICES_FIELD]: devices }
  }
  const field = ADDRESS_FIELD[channel]
  const address = directoryAddress(channel, recipient)
  return field === null || address === null ? null : { [field]: address }
}
