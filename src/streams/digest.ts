import { type DigestHours, digestBoundary } from '../model/digest.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { ConsentOptions } from './consent.js'
import { draftsFor } from './digest-drafts.js'
import { frequencyOf } from './frequency.js'
import type { Clock, Digests } from './ports.js'
import type { Stage } from './stage.js'

export interface DigestOptions extends ConsentOptions {
  readonly hours: DigestHours
  /** IANA zone of those whose own is not known. */
  readonly timezone: string
}

/**
 * Holds back until the next boundary what the recipient wants in a digest, and then collects into one
 * everything that waits for it. What was held and is no longer wanted in a digest passes.
 */
export function collecting(options: DigestOptions, digests: Digests, clock: Clock): Stage {
  return {
    name: 'digest',
    concerns: (subject) => frequencyOf(subject, options) !== 'immediate',
    check: async (subjects) => {
      const now = clock.now()
      const due = subjects.filter(({ notification }) => notification.deferredFor === 'digest')
      const drafts = await draftsFor(due, options, digests, now)
      return subjects.map((subject): Verdict => {
        const digest = drafts.get(subject.notification.id)
        if (digest !== undefined) return { kind: 'collect', digest }
        const frequency = frequencyOf(subject, options)
        if (frequency === 'immediate') return PASS
        const timezone = subject.standing.recipient.timezone ?? options.timezone
        const until = digestBoundary(frequency, timezone, now, options.hours)
        return { kind: 'defer', until, reason: 'digest' }
      })
    },
  }
}
