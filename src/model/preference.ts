import type { Channel } from './notification.js'
import { type Frequency, type Group, MANDATORY, type Subscription } from './recipient.js'

export interface Preference {
  readonly enabled: boolean
  readonly frequency: Frequency
}

/** The more specific the scope, the more it weighs; within a scope a named channel weighs more than none. */
const WEIGHT: Readonly<Record<Subscription['scope'], number>> = { type: 4, group: 2, all: 0 }

/**
 * What a user decided about a notification: the most specific of their rules that applies to it.
 * In order: type and channel, type, group and channel, group, everything by a channel, everything.
 * @returns null when no rule applies, and always for the group that nobody can turn off
 */
export function preferenceFor(
  subscriptions: readonly Subscription[],
  notificationType: string,
  group: Group,
  channel: Channel,
): Preference | null {
  if (group === MANDATORY) return null
  const names: Readonly<Record<Subscription['scope'], string>> = { type: notificationType, group, all: '' }
  let found: Subscription | null = null
  let best = -1
  for (const rule of subscriptions) {
    if (rule.name !== names[rule.scope]) continue
    if (rule.channel !== null && rule.channel !== channel) continue
    const weight = WEIGHT[rule.scope] + (rule.channel === null ? 0 : 1)
    if (weight > best) {
      found = rule
      best = weight
    }
  }
  return found === null ? null : { enabled: found.enabled, frequency: found.frequency }
}
