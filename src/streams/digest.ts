import { type DigestHours, digestBoundary } from '../model/digest.js'
import { usableZone } from '../model/local-time.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { ConsentOptions } from './consent.js'
import { draftsFor } from './digest-drafts.js'
import type { Subject } from './envelope.js'
import { frequencyOf } from './frequency.js'
import type { Clock, Digests } from './ports.js'
import { type QuietHoursOptions, quietEnd } from './quiet-hours.js'
import type { Stage } from './stage.js'

export interface DigestOptions extends ConsentOptions {
  readonly hours: DigestHours
  /** IANA zone of those whose own is not known. */
  readonly timezone: string
  readonly quietHours: QuietHoursOptions
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
      const ends = subjects.map((subject) => quietEnd(subject, options.quietHours, now))
      // In quiet hours nothing is collected yet: until it can be sent, everybody may still change their mind.
      const due = subjects.filter(
        ({ notification }, n) => notification.deferredFor === 'digest' && ends[n] === null,
      )
      const drafts = await draftsFor(due, options, digests, now)
      return subjects.map((subject, n): Verdict => {
        const digest = drafts.get(subject.notification.id)
        if (digest !== undefined) return { kind: 'collect', digest }
        const frequency = frequencyOf(subject, options)
        if (frequency === 'immediate') return PASS
        const held = subject.notification.deferredFor === 'digest'
        const end = held ? (ends[n] ?? null) : null
        const until = end ?? digestBoundary(frequency, zoneOf(subject, options), now, options.hours)
        return { kind: 'defer', until, reason: 'digest' }
      })
    },
  }
}

const zoneOf = ({ standing: { recipient } }: Subject, { timezone }: DigestOptions): string =>
  usableZone(recipient.timezone, timezone)
