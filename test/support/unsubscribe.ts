import type { Group } from '../../src/model/recipient.js'
import { UnsubscribeLinks } from '../../src/model/unsubscribe-links.js'

export const UNSUBSCRIBE_SECRET = 'a-secret-that-signs-unsubscribe-links'
export const PUBLIC_URL = 'https://notify.example.com/notifications'

/** Links as the service makes them, for types that are listed nowhere or in `groups`. */
export const unsubscribeLinks = (
  groups: Readonly<Record<string, Group>> = {},
  secret = UNSUBSCRIBE_SECRET,
): UnsubscribeLinks =>
  new UnsubscribeLinks({ secret, publicUrl: () => PUBLIC_URL, groups: new Map(Object.entries(groups)) })

/** The token at the end of a link. */
export function tokenIn(link: string | null): string {
  const token = link === null ? null : new URL(link).searchParams.get('token')
  if (token === null) throw new Error('there is no token')
  return token
}
