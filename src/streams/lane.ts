import { Observable } from 'rxjs'
import type { Notification, QueuedChannel } from '../model/notification.js'
import type { Log } from '../telemetry/log.js'
import type { Ledger, Queue } from './ports.js'

/** A notification on its way to the provider. Its slot is taken until `release`. */
export interface Delivery {
  readonly notification: Notification
  readonly leaseToken: string
  release(): void
}

export interface LaneOptions {
  readonly channel: QueuedChannel
  /** Deliveries at once: what is not claimed waits in the queue, where any instance can take it. */
  readonly slots: number
  readonly leaseMs: number
  /** Ends the lane: it claims no more and completes. */
  readonly stop: AbortSignal
}

const CLAIM_AT_ONCE = 500
/** How long a lane sleeps that nobody wakes, in milliseconds: another instance may have died before it told us. */
const IDLE_MS = 1_000
const RETRY_MS = 500

/**
 * Pulls: claims as many notifications as there are free slots and never more, so
 * nothing piles up in the process.
 */
export function lane(
  { channel, slots, leaseMs, stop }: LaneOptions,
  { queue, ledger, log }: { readonly queue: Queue; readonly ledger: Ledger; readonly log: Log },
): Observable<Delivery> {
  return new Observable((subscriber) => {
    let free = slots
    let claiming = false
    let more = false
    let timer: NodeJS.Timeout | undefined

    const wake = (): void => {
      more = true
      if (!claiming && free > 0 && !stop.aborted) void claim()
    }
    const sleep = (ms: number): void => {
      clearTimeout(timer)
      timer = setTimeout(wake, ms)
    }

    const claim = async (): Promise<void> => {
      claiming = true
      let pause = IDLE_MS
      try {
        while (more && free > 0 && !stop.aborted) {
          const wanted = Math.min(free, CLAIM_AT_ONCE)
          more = false
          const ids = await queue.take(channel, wanted)
          if (ids.length === wanted) more = true
          if (ids.length > 0) await begin(ids)
        }
      } catch (error) {
        log.event('lane.unavailable', { channel, err: error })
        pause = RETRY_MS
      }
      claiming = false
      if (stop.aborted) return subscriber.complete()
      if (more && free > 0 && pause === IDLE_MS) return void claim()
      sleep(pause)
    }

    const begin = async (ids: readonly string[]): Promise<void> => {
      const { claimed, expired } = await ledger.claim(ids, leaseMs)
      for (const { id, tenantId } of expired) {
        log.event('notification.expired', { notification_id: id, tenant_id: tenantId, channel })
      }
      free -= claimed.length
      for (const { notification, leaseToken } of claimed) {
        let held = true
        const release = (): void => {
          if (!held) return
          held = false
          free += 1
          // Slots come free by the batch; one turn later there is one claim for all of them.
          if (more && !claiming) setImmediate(() => more && wake())
        }
        subscriber.next({ notification, leaseToken, release })
      }
    }

    const unsubscribe = queue.onReady((ready) => {
      if (ready === channel) wake()
    })
    const finish = (): void => {
      clearTimeout(timer)
      if (!claiming) subscriber.complete()
    }
    stop.addEventListener('abort', finish)
    wake()
    return () => {
      clearTimeout(timer)
      unsubscribe()
      stop.removeEventListener('abort', finish)
    }
  })
}
