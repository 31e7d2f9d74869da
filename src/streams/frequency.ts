import { preferenceFor } from '../model/preference.js'
import { type Frequency, groupOf, MANDATORY } from '../model/recipient.js'
import type { ConsentOptions } from './consent.js'
import type { Subject } from './envelope.js'

/** How often the recipient wants it. A retry has been sent before, and a digest is not collected into another. */
export function frequencyOf({ notification, standing }: Subject, { groups }: ConsentOptions): Frequency {
  const { notificationType, channel, priority, attempt, digest } = notification
  const { subscriptions } = standing.recipient
  if (subscriptions.length === 0) return 'immediate'
  if (priority === 'critical' || attempt > 0 || digest !== null) return 'immediate'
  const group = groupOf(notificationType, groups)
  if (group === MANDATORY) return 'immediate'
  return preferenceFor(subscriptions, notificationType, group, channel)?.frequency ?? 'immediate'
}
