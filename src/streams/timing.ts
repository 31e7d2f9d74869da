import { PASS, type Verdict } from '../model/verdict.js'
import type { Clock } from './ports.js'
import type { Stage } from './stage.js'

/** Defers what is scheduled for later and expires what is too late. */
export function timing(clock: Clock): Stage {
  return {
    name: 'timing',
    concerns: ({ notification }) => notification.scheduledAt !== null || notification.expiresAt !== null,
    check: async (subjects) => {
      const now = clock.now()
      return subjects.map(({ notification: { scheduledAt, expiresAt } }): Verdict => {
        if (expiresAt !== null && expiresAt <= now) return { kind: 'expire' }
        if (scheduledAt !== null && scheduledAt > now)
          return { kind: 'defer', until: scheduledAt, reason: 'scheduled' }
        return PASS
      })
    },
  }
}
