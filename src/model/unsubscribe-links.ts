import type { Notification } from './notification.js'
import { type Group, groupOf } from './recipient.js'
import { readUnsubscribeToken, type UnsubscribeLink, writeUnsubscribeToken } from './unsubscribe-token.js'

/** Groups whose messages end with a link; digests are activity. */
export const LINKED_GROUPS = ['activity', 'marketing'] as const satisfies readonly Group[]
export type LinkedGroup = (typeof LINKED_GROUPS)[number]

export interface UnsubscribeOptions {
  readonly secret: string
  /** Where recipients reach the service: as `new URL` writes it, without a slash at the end. Asked for each link. */
  readonly publicUrl: () => string
  /** The groups of types whose name does not tell it. */
  readonly groups: ReadonlyMap<string, Group>
}

/** Links by which a recipient turns messages off without a login. Each is good for ever, and once for each scope. */
export class UnsubscribeLinks {
  readonly #options: UnsubscribeOptions

  constructor(options: UnsubscribeOptions) {
    this.#options = options
  }

  /** The link that goes with a message; null for a group that gets none. */
  linkFor({
    id,
    tenantId,
    userId,
    notificationType,
    channel,
  }: Pick<Notification, 'id' | 'tenantId' | 'userId' | 'notificationType' | 'channel'>): string | null {
    if (this.groupOf(notificationType) === null) return null
    const { publicUrl, secret } = this.#options
    const link = { tenantId, userId, notificationType, channel, notificationId: id }
    return `${publicUrl()}/unsubscribe?token=${writeUnsubscribeToken(link, secret)}`
  }

  /** What a token of ours is about; null for any other. */
  read(token: string): UnsubscribeLink | null {
    return readUnsubscribeToken(token, this.#options.secret)
  }

  /** The group that a link turns off besides the type; null when messages of the type get no link. */
  groupOf(notificationType: string): LinkedGroup | null {
    const group = groupOf(notificationType, this.#options.groups)
    return LINKED_GROUPS.find((linked) => linked === group) ?? null
  }
}
