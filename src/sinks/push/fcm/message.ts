import type { TokenMessage } from 'firebase-admin/messaging'
import type { Push } from '../push.js'

/** Four weeks: FCM keeps nothing for longer (REST reference, `AndroidConfig.ttl`). */
const LONGEST_TTL_MS = 28 * 24 * 3_600_000

/**
 * A push as FCM wants it, but for its device. A repeat is told by the tag: it takes the place of what is shown
 * already. The collapse key would not do: FCM ignores it where there is something to show, and of other messages
 * keeps only four keys for a device that is away.
 * @param now epoch milliseconds
 */
export function fcmMessage(push: Push, now: number): Omit<TokenMessage, 'token'> {
  const { id, title, content, silent, urgent, data, expiresAt } = push
  const visible = { notification: { title, body: content } }
  return {
    data: { ...data },
    ...(!silent && visible),
    android: {
      priority: urgent ? 'high' : 'normal',
      ...(expiresAt !== null && { ttl: Math.min(Math.max(expiresAt - now, 0), LONGEST_TTL_MS) }),
      ...(!silent && { notification: { tag: id } }),
    },
    // A token of FCM may belong to an iPhone: FCM then asks APNs.
    apns: {
      headers: {
        'apns-priority': urgent ? '10' : '5',
        ...(silent ? { 'apns-push-type': 'background' } : { 'apns-collapse-id': id }),
        ...(expiresAt !== null && { 'apns-expiration': String(Math.floor(expiresAt / 1000)) }),
      },
      payload: { aps: silent ? { contentAvailable: true } : {} },
    },
  }
}
