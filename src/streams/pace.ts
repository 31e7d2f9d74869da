import { canonicalAddress, givenAddress } from '../model/address.js'
import type { Channel, Notification } from '../model/notification.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Clock, Pacer } from './ports.js'
import type { Stage } from './stage.js'

/** A place that nobody came for in this time, in milliseconds, is lost: else an outage would end in a rush. */
const HELD_MS = 60_000

/**
 * Defers what goes to the same target beyond its pace, each to a place of its own in the minutes that
 * follow. Critical notifications pass. While the pacer is away everything passes.
 * @param paces for each channel: how many go to one address in a minute
 */
export function pacing(
  pacer: Pacer,
  paces: ReadonlyMap<Channel, number>,
  clock: Clock,
  { log }: Telemetry,
): Stage {
  return {
    name: 'pace',
    concerns: ({ notification }) =>
      paces.has(notification.channel) &&
      notification.priority !== 'critical' &&
      !comesToItsPlace(notification, clock.now()),
    check: async (subjects) => {
      const now = clock.now()
      const verdicts: Verdict[] = subjects.map(() => PASS)
      for (const [channel, perMinute] of paces) {
        const places: number[] = []
        const keys = subjects.flatMap(({ notification: { tenantId, metadata, ...one } }, n) => {
          const target = one.channel === channel ? givenAddress(channel, metadata) : null
          if (target === null) return []
          places.push(n)
          return [{ tenantId, target: canonicalAddress(channel, target) }]
        })
        if (keys.length === 0) continue
        try {
          for (const [n, until] of (await pacer.reserve(keys, perMinute, now)).entries()) {
            const place = places[n]
            if (place !== undefined && until > now) verdicts[place] = { kind: 'defer', until, reason: 'pace' }
          }
        } catch (error) {
          log.event('queue.unavailable', { stage: 'pace', err: error, items: keys.length })
        }
      }
      return verdicts
    },
  }
}

const comesToItsPlace = ({ deferredFor, deferredUntil }: Notification, now: number): boolean =>
  deferredFor === 'pace' && deferredUntil !== null && now - deferredUntil < HELD_MS
