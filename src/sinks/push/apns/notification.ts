import type { Notification } from '@parse/node-apn'
import type { Push } from '../push.js'

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * A push as APNs wants it (Apple, "Sending notification requests to APNs" and "Generating a remote
 * notification"). A repeat has the same `apns-collapse-id` and takes the place of what is shown already.
 * @param topic the app's bundle id
 */
export function apnsNotification(
  { id, title, content, silent, urgent, data, expiresAt }: Push,
  topic: string,
): Partial<Notification> {
  const apnsId = UUID.exec(id)?.[0]
  return {
    topic,
    payload: { ...data },
    // Apple refuses 10 for a push in the background.
    priority: urgent ? 10 : 5,
    pushType: silent ? 'background' : 'alert',
    collapseId: id,
    ...(apnsId !== undefined && { id: apnsId }),
    ...(expiresAt !== null && { expiry: Math.max(Math.floor(expiresAt / 1000), 0) }),
    aps: silent ? { 'content-available': 1 } : { alert: { title, body: content }, sound: 'default' },
  }
}
