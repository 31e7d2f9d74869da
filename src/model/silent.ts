import type { Notification } from './notification.js'

/** A push for the app and not for its user: what it says is not to be shown, by any other channel either. */
export const isSilent = ({ channel, metadata }: Pick<Notification, 'channel' | 'metadata'>): boolean =>
  channel === 'push' && metadata.silent === true
