import type { Notification } from '../model/notification.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Clock, RateCounters, RateLimits } from './ports.js'
import type { Stage } from './stage.js'

/**
 * Suppresses what goes beyond the limits of its recipient. Critical notifications pass, and so do a
 * retry and what comes to its place: they were counted before. While the
 * counters are away everything passes, because losing a message is worse than sending one too many.
 * @param limits null: there are none
 */
export function rateLimit(
  counters: RateCounters,
  limits: RateLimits | null,
  clock: Clock,
  { log }: Telemetry,
): Stage {
  const limited: Verdict = { kind: 'suppress', reason: 'rate_limited' }
  return {
    name: 'rate_limit',
    concerns: ({ notification }) => limits !== null && isCounted(notification),
    check: async (subjects) => {
      if (limits === null) return subjects.map(() => PASS)
      try {
        const keys = subjects.map(({ notification }) => notification)
        const allowed = await counters.take(keys, limits, clock.now())
        return allowed.map((below) => (below ? PASS : limited))
      } catch (error) {
        log.event('queue.unavailable', { stage: 'rate_limit', err: error, items: subjects.length })
        return subjects.map(() => PASS)
      }
    },
  }
}

/** Whether a notification counts against the limits of its recipient: once, and not when it is critical. */
export const isCounted = ({ priority, attempt, deferredFor }: Notification): boolean =>
  priority !== 'critical' && attempt === 0 && deferredFor !== 'pace'
