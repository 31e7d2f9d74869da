import { mergeMap, type OperatorFunction } from 'rxjs'
import type { QueuedChannel } from '../model/notification.js'
import type { Outcome } from '../model/outcome.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Attempting } from './attempt.js'
import { endAttempt, startAttempt } from './attempt-span.js'
import type { Delivery } from './lane.js'
import type { Clock } from './ports.js'

/** A delivery that has come to an end, one way or another. `released`: cut off by shutdown. */
export interface Attempted {
  readonly delivery: Delivery
  readonly outcome: Outcome | { readonly kind: 'released' }
  readonly startedAt: number
  readonly durationMs: number
}

/** Sends each delivery at once: the lane has already bounded how many there are. */
export function deliver(
  channel: QueuedChannel,
  attempt: Attempting,
  clock: Clock,
  { metrics, tracing }: Telemetry,
): OperatorFunction<Delivery, Attempted> {
  const inFlight = metrics.inFlight.labels(channel)
  const seconds = metrics.deliverySeconds.labels(channel)
  const spanName = `deliver ${channel}`
  return mergeMap(async (delivery) => {
    const { notification } = delivery
    inFlight.inc()
    const startedAt = clock.now()
    const begun = performance.now()
    const span = startAttempt(tracing, spanName, notification)
    // The receiver goes on with the trace from this attempt.
    const outcome = await attempt(
      span === null ? notification : { ...notification, traceparent: span.traceparent },
    )
    const durationMs = performance.now() - begun
    inFlight.dec()
    seconds.observe(durationMs / 1000)
    if (span !== null) endAttempt(span, channel, notification, outcome, startedAt)
    return { delivery, outcome, startedAt, durationMs: Math.round(durationMs) }
  })
}
