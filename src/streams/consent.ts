import type { Notification } from '../model/notification.js'
import { preferenceFor } from '../model/preference.js'
import { type Group, groupOf, MANDATORY, type Standing } from '../model/recipient.js'
import { PASS, type SuppressReason, type Verdict } from '../model/verdict.js'
import type { Subject } from './envelope.js'
import type { Stage } from './stage.js'

export interface ConsentOptions {
  /** Groups of types whose name does not tell it. */
  readonly groups: ReadonlyMap<string, Group>
  /** Types and groups that are sent only to those who asked for them; in many countries marketing must be. */
  readonly optIn: ReadonlySet<string>
}

/**
 * Suppresses what may not be sent: first by the operator's blocklist, then by the suppression list,
 * then by what the recipient has decided, then by what they have not asked for. `docs/preferences.md`.
 */
export function consent(options: ConsentOptions): Stage {
  const verdicts = new Map<SuppressReason, Verdict>()
  const suppressed = (reason: SuppressReason): Verdict => {
    const verdict = verdicts.get(reason) ?? { kind: 'suppress', reason }
    verdicts.set(reason, verdict)
    return verdict
  }
  return {
    name: 'consent',
    concerns: () => true,
    check: async (subjects) =>
      subjects.map((subject) => {
        const reason = objection(subject, options)
        return reason === null ? PASS : suppressed(reason)
      }),
  }
}

function objection({ notification, standing }: Subject, options: ConsentOptions): SuppressReason | null {
  if (standing.recipient.blocked) return 'blocked'
  if (standing.suppression !== null) return `address_${standing.suppression}`
  return agreed(notification, standing, options) ? null : 'not_subscribed'
}

/** Whether the recipient lets notifications of this type come by this channel. */
export function agreed(
  { notificationType, channel, digest }: Pick<Notification, 'notificationType' | 'channel' | 'digest'>,
  { recipient: { subscriptions } }: Standing,
  { groups, optIn }: ConsentOptions,
): boolean {
  if (subscriptions.length === 0 && optIn.size === 0) return true
  // What is in a digest was agreed to one by one; only a decision about digests themselves can stop it.
  if (digest !== null) {
    const own = subscriptions.filter(({ scope, name }) => scope === 'type' && name === notificationType)
    return preferenceFor(own, notificationType, 'activity', channel)?.enabled ?? true
  }
  const group = groupOf(notificationType, groups)
  if (group === MANDATORY) return true
  const preference = preferenceFor(subscriptions, notificationType, group, channel)
  return preference?.enabled ?? !(optIn.has(notificationType) || optIn.has(group))
}
