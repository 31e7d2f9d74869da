import type { Channel, Notification } from '../model/notification.js'
import { type QuietHours, quietUntil } from '../model/quiet-hours.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Clock } from './ports.js'
import type { Stage } from './stage.js'

export interface QuietHoursOptions {
  readonly hours: QuietHours
  /** Channels that would wake somebody up. */
  readonly channels: readonly Channel[]
  /** What the night has gathered is sent over this time after its end, in milliseconds. */
  readonly spreadMs: number
}

/**
 * Defers to the end of the recipient's quiet hours. Critical notifications pass.
 * @param options null: there are none
 */
export function quietHours(options: QuietHoursOptions | null, clock: Clock): Stage {
  const quiet = new Set(options?.channels)
  return {
    name: 'quiet_hours',
    concerns: ({ channel, priority }: Notification) => priority !== 'critical' && quiet.has(channel),
    check: async (notifications) => {
      const until = options === null ? null : quietUntil(options.hours, clock.now())
      return notifications.map((): Verdict => {
        if (options === null || until === null) return PASS
        return {
          kind: 'defer',
          until: until + Math.floor(Math.random() * options.spreadMs),
          reason: 'quiet_hours',
        }
      })
    },
  }
}
