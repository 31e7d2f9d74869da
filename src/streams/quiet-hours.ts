import type { Channel } from '../model/notification.js'
import { quietUntil } from '../model/quiet-hours.js'
import type { QuietWindow } from '../model/recipient.js'
import { PASS, type Verdict } from '../model/verdict.js'
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
        const windows = recipient.quietHours ?? options.windows
        const until = quietUntil(windows, recipient.timezone ?? options.timezone, now)
        if (until === null) return PASS
        const spread = spreadWithin(until, recipient.timezone ?? options.timezone, windows, options.spreadMs)
        return { kind: 'defer', until: until + spread, reason: 'quiet_hours' }
      })
    },
  }
}

/** Not so long that it would reach into the next window. */
function spreadWithin(
  until: number,
  timezone: string,
  windows: readonly QuietWindow[],
  spreadMs: number,
): number {
  const spread = Math.floor(Math.random() * spreadMs)
  return quietUntil(windows, timezone, until + spread) === null ? spread : 0
}
