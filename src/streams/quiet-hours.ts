import { usableZone } from '../model/local-time.js'
import type { Channel } from '../model/notification.js'
import { quietUntil } from '../model/quiet-hours.js'
import type { QuietWindow, Recipient } from '../model/recipient.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Subject } from './envelope.js'
import type { Clock } from './ports.js'
import type { Stage } from './stage.js'

export interface QuietHoursOptions {
  /** Of those who have none of their own; empty: none. */
  readonly windows: readonly QuietWindow[]
  /** IANA zone of those whose own is not known. */
  readonly timezone: string
  /** Channels that would wake somebody up. */
  readonly channels: readonly Channel[]
  /** What the night has gathered is sent over this time after its end, in milliseconds. */
  readonly spreadMs: number
}

/** Defers to the end of the recipient's quiet hours, in their own time zone. Critical notifications pass. */
export function quietHours(options: QuietHoursOptions, clock: Clock): Stage {
  const quiet = new Set(options.channels)
  return {
    name: 'quiet_hours',
    concerns: ({ notification: { channel, priority } }) => priority !== 'critical' && quiet.has(channel),
    check: async (subjects) => {
      const now = clock.now()
      return subjects.map(({ standing: { recipient } }): Verdict => {
        const { windows, timezone } = hoursOf(recipient, options)
        const until = quietUntil(windows, timezone, now)
        if (until === null) return PASS
        const spread = Math.floor(Math.random() * options.spreadMs)
        // Not so long that it would reach into the next window.
        const free = quietUntil(windows, timezone, until + spread) === null
        return { kind: 'defer', until: until + (free ? spread : 0), reason: 'quiet_hours' }
      })
    },
  }
}

/** The end of the quiet hours that hold up a notification now; null when none do. */
export function quietEnd(
  { notification: { channel, priority }, standing: { recipient } }: Subject,
  options: QuietHoursOptions,
  now: number,
): number | null {
  if (priority === 'critical' || !options.channels.includes(channel)) return null
  const { windows, timezone } = hoursOf(recipient, options)
  return quietUntil(windows, timezone, now)
}

function hoursOf({ quietHours, timezone }: Recipient, options: QuietHoursOptions) {
  return { windows: quietHours ?? options.windows, timezone: usableZone(timezone, options.timezone) }
}
