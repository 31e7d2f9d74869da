import type { Decision } from '../model/acceptance.js'
import type { Notification } from '../model/notification.js'
import type { Log } from '../telemetry/log.js'
import type { Clock, DelayEntry, Queue, ReadyEntry } from './ports.js'

export interface EnqueuePorts {
  readonly queue: Queue
  readonly clock: Clock
  readonly log: Log
  /** What is due later than this from now, in milliseconds, is left for the sweeper to load in time. */
  readonly horizonMs: number
}

/** Tells the queue what falls due by what was committed. */
export async function enqueueDue(
  entries: readonly DelayEntry[],
  { queue, log }: Pick<EnqueuePorts, 'queue' | 'log'>,
): Promise<void> {
  if (entries.length === 0) return
  try {
    await queue.delay(entries)
  } catch (error) {
    log.event('queue.unavailable', { err: error, items: entries.length })
  }
}

/**
 * Tells the queue what was committed. A queue that is away undoes nothing:
 * the sweeper finds in the ledger what the queue has missed.
 */
export async function enqueue(
  entries: readonly { readonly notification: Notification; readonly decision: Decision }[],
  { queue, clock, log, horizonMs }: EnqueuePorts,
): Promise<void> {
  const now = clock.now()
  const ready: ReadyEntry[] = []
  const delayed: DelayEntry[] = []
  for (const { notification, decision } of entries) {
    if (decision.status !== 'pending') continue
    const { id, channel, priority, tenantId } = notification
    if (decision.dueAt !== null) {
      if (decision.dueAt <= now + horizonMs) delayed.push({ id, tenantId, dueAt: decision.dueAt })
    } else if (channel !== 'in_app') {
      ready.push({ id, channel, priority, tenantId })
    }
  }
  try {
    await Promise.all([
      ready.length > 0 ? queue.push(ready) : undefined,
      delayed.length > 0 ? queue.delay(delayed) : undefined,
    ])
  } catch (error) {
    log.event('queue.unavailable', { err: error, items: ready.length + delayed.length })
  }
}
