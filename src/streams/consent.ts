import type { Verdict } from '../model/verdict.js'
import type { Stage } from './stage.js'

/** Types that concern the account itself; nobody can turn them off. */
const MANDATORY = 'system'

/**
 * Suppresses what the recipient has not agreed to. Types listed as opt-in (in
 * many countries marketing must be) are sent only to those who asked for them.
 */
export function consent(optInTypes: readonly string[]): Stage {
  const optIn = new Set(optInTypes)
  optIn.delete(MANDATORY)
  const refused: Verdict = { kind: 'suppress', reason: 'not_subscribed' }
  return {
    name: 'consent',
    concerns: (notification) => optIn.has(notification.notificationType),
    check: async (notifications) => notifications.map(() => refused),
  }
}
