import type { FieldError } from '../../model/failure.js'
import { type Group, groupOf, MANDATORY, type Subscription } from '../../model/recipient.js'
import { validationFailed } from '../http/validation.js'
import type { SubscriptionFilter } from '../ports.js'
import type { Rule } from '../schemas/subscriptions.js'

const MAX_ERRORS = 20

type Named = Pick<Rule, 'notification_type' | 'group'>

/**
 * @param groups of types whose name does not tell it
 * @throws Failure `validation_failed` naming the rules and fields that are wrong, the first 20
 */
export function readRules(
  rules: readonly Rule[],
  groups: ReadonlyMap<string, Group>,
): readonly Subscription[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  const read = rules.map((rule, n): Subscription => {
    const at = `/subscriptions/${n}`
    const subscription: Subscription = {
      ...named(rule, at, errors),
      channel: rule.channel ?? null,
      enabled: rule.enabled,
      frequency: rule.frequency ?? 'immediate',
    }
    const { scope, name, channel } = subscription
    const key = `${scope} ${name} ${channel ?? ''}`
    if (seen.has(key)) errors.push({ field: at, message: 'must not decide what an earlier one decides' })
    seen.add(key)
    errors.push(...mandatoryErrors(subscription, at, groups))
    return subscription
  })
  if (errors.length > 0) throw validationFailed(errors.slice(0, MAX_ERRORS))
  return read
}

/** What is not named does not narrow it. */
export function readFilter(query: Named & Pick<Rule, 'channel'>): SubscriptionFilter {
  const errors: FieldError[] = []
  const { scope, name } = named(query, '', errors)
  if (errors.length > 0) throw validationFailed(errors)
  const everything = scope === 'all'
  return {
    scope: everything ? null : scope,
    name: everything ? null : name,
    channel: query.channel ?? null,
  }
}

function named(
  { notification_type, group }: Named,
  at: string,
  errors: FieldError[],
): Pick<Subscription, 'scope' | 'name'> {
  if (notification_type !== undefined && group !== undefined) {
    errors.push({ field: `${at}/group`, message: 'must not stand beside notification_type' })
  }
  if (notification_type !== undefined) return { scope: 'type', name: notification_type }
  if (group !== undefined) return { scope: 'group', name: group }
  return { scope: 'all', name: '' }
}

function mandatoryErrors(
  { scope, name, enabled, frequency }: Subscription,
  at: string,
  groups: ReadonlyMap<string, Group>,
): FieldError[] {
  const group = scope === 'type' ? groupOf(name, groups) : name
  if (group !== MANDATORY) return []
  const errors: FieldError[] = []
  if (!enabled)
    errors.push({ field: `${at}/enabled`, message: `must be true: ${MANDATORY} cannot be turned off` })
  if (frequency !== 'immediate') {
    errors.push({ field: `${at}/frequency`, message: `must be immediate: ${MANDATORY} is never collected` })
  }
  return errors
}
