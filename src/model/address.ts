import { domainToASCII } from 'node:url'
import type { JsonObject } from './json.js'
import type { Channel } from './notification.js'
import type { Recipient } from './recipient.js'

/** Where the address that a channel needs stands in the metadata. Null: the user's id is enough. */
export const ADDRESS_FIELD: Readonly<Record<Channel, string | null>> = {
  email: 'email',
  webhook: 'webhook_url',
  websocket: null,
  in_app: null,
}

/** The address that a sender gave; null when there is none. */
export function givenAddress(channel: Channel, metadata: JsonObject): string | null {
  const field = ADDRESS_FIELD[channel]
  const address = field === null ? null : metadata[field]
  return typeof address === 'string' ? address : null
}

/** One spelling for addresses that reach the same mailbox, so that a suppressed one is recognised. */
export function canonicalAddress(channel: Channel, address: string): string {
  if (channel !== 'email') return address.trim()
  const [text, local, domain = ''] = /^(?:(.*)@)?(.*)$/s.exec(address.trim()) ?? [address]
  // Two spellings of an international domain are one.
  return (local === undefined ? text : `${local}@${domainToASCII(domain) || domain}`).toLowerCase()
}

/** What the directory has for a channel; null when it has nothing. */
export function directoryAddress(channel: Channel, { email }: Pick<Recipient, 'email'>): string | null {
  return channel === 'email' ? email : null
}
