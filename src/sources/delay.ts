import { Observable } from 'rxjs'
import type { Notification } from '../model/notification.js'
import type { Envelope } from '../streams/envelope.js'
import type { Clock, Ledger, Queue, Waiting } from '../streams/ports.js'
import type { Log } from '../telemetry/log.js'
import type { Tracing } from '../telemetry/tracing.js'
import { endAcceptance } from './acceptance-span.js'

export interface DelayScannerOptions {
  readonly intervalMs: number
  /** How many notifications may be on their way through the stages at once. */
  readonly inFlight: number
  /** Ends the source: no more is taken, and it completes. */
  readonly stop: AbortSignal
}

export interface DelayScannerPorts {
  readonly queue: Queue
  readonly ledger: Ledger
  readonly clock: Clock
  readonly log: Log
  readonly tracing: Tracing
}

/** The ledger's clock is known to a few milliseconds; nothing is taken before it surely says the same. */
const CLOCK_MARGIN_MS = 5
const TAKEN_AT_ONCE = 500
/** When the store refuses one for now, in milliseconds until it is tried again. */
const AGAIN_MS = 2_000
/** How long a scan waits after a store was found to be away, in milliseconds. */
const AWAY_MS = 1_000

/** What falls due, as an observable: scheduled and deferred notifications, and retries. */
export function dueNotifications(
  options: DelayScannerOptions,
  ports: DelayScannerPorts,
): Observable<Envelope> {
  const { queue, ledger, clock, log, tracing } = ports
  const { intervalMs, inFlight, stop } = options
  return new Observable((subscriber) => {
    let underWay = 0
    let scanning = false
    let timer: NodeJS.Timeout | undefined

    const again = ({ id, tenantId }: Notification, dueAt: number): void => {
      queue
        .delay([{ id, tenantId, dueAt }])
        .catch((err: unknown) => log.event('queue.unavailable', { err, items: 1 }))
    }

    const emit = ({ notification, dueAt, early }: Waiting): void => {
      if (early) {
        again(notification, dueAt + CLOCK_MARGIN_MS)
        return
      }
      underWay += 1
      const { traceparent } = notification
      // What was accepted without a trace has none later.
      const span = traceparent === null ? null : tracing.start('accept', 'internal', traceparent)
      subscriber.next({
        notification,
        origin: 'due',
        settle: (settled) => {
          underWay -= 1
          if (span !== null) endAcceptance(span, notification, 'due', settled)
          if (settled.kind === 'refused') again(notification, clock.now() + AGAIN_MS)
        },
      })
    }

    const scan = async (): Promise<void> => {
      scanning = true
      let pause = intervalMs
      try {
        while (!stop.aborted && underWay < inFlight) {
          const wanted = Math.min(TAKEN_AT_ONCE, inFlight - underWay)
          const ids = await queue.takeDue(clock.now() - CLOCK_MARGIN_MS, wanted)
          if (ids.length > 0) for (const waiting of await ledger.waiting(ids)) emit(waiting)
          if (ids.length < wanted) break
        }
      } catch (err) {
        log.event('lane.unavailable', { channel: 'delay', err })
        pause = Math.max(intervalMs, AWAY_MS)
      }
      scanning = false
      if (stop.aborted) subscriber.complete()
      else timer = setTimeout(scan, pause)
    }

    const finish = (): void => {
      clearTimeout(timer)
      if (!scanning) subscriber.complete()
    }
    stop.addEventListener('abort', finish)
    void scan()
    return () => {
      clearTimeout(timer)
      stop.removeEventListener('abort', finish)
    }
  })
}
