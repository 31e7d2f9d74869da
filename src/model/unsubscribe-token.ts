import { createHmac, timingSafeEqual } from 'node:crypto'
import { CHANNELS, type Channel } from './notification.js'

/** What an unsubscribe link is about. When it was made stands in the notification's id (UUIDv7). */
export interface UnsubscribeLink {
  readonly tenantId: string
  readonly userId: string
  readonly notificationType: string
  readonly channel: Channel
  readonly notificationId: string
}

/** More than the longest names make; with names in ASCII a token stays below 512. */
export const LONGEST_TOKEN = 1_024

/** The version, the payload and the HMAC of both in full, in base64url. */
const FORM = /^(1\.[\w-]+)\.([\w-]{43})$/
const PURPOSE = 'unsubscribe'

/** The same link gives the same token, so that repeated attempts send the same message. */
export function writeUnsubscribeToken(link: UnsubscribeLink, secret: string): string {
  const { notificationId, tenantId, userId, notificationType, channel } = link
  const payload = JSON.stringify([notificationId, tenantId, userId, notificationType, channel])
  const signed = `1.${Buffer.from(payload).toString('base64url')}`
  return `${signed}.${signature(signed, secret)}`
}

/** Null for whatever was not written with this secret, and no word about why. */
export function readUnsubscribeToken(token: string, secret: string): UnsubscribeLink | null {
  if (token.length > LONGEST_TOKEN) return null
  const [, signed, given] = FORM.exec(token) ?? []
  if (signed === undefined || given === undefined) return null
  // As texts: base64url has several spellings of the same bytes, and only ours is a token.
  if (!timingSafeEqual(Buffer.from(given), Buffer.from(signature(signed, secret)))) return null
  return linkOf(JSON.parse(Buffer.from(signed.slice(2), 'base64url').toString()))
}

function signature(signed: string, secret: string): string {
  return createHmac('sha256', secret).update(`${PURPOSE}.${signed}`).digest('base64url')
}

function linkOf(payload: unknown): UnsubscribeLink | null {
  const parts: readonly unknown[] = Array.isArray(payload) ? payload : []
  const [notificationId, tenantId, userId, notificationType, named] = parts
  const channel = CHANNELS.find((each) => each === named)
  if (typeof notificationId !== 'string' || typeof tenantId !== 'string') return null
  if (typeof userId !== 'string' || typeof notificationType !== 'string' || channel === undefined) return null
  return { tenantId, userId, notificationType, channel, notificationId }
}
