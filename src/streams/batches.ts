import { map, Observable, type OperatorFunction } from 'rxjs'
import { Failure } from '../model/failure.js'
import { hasRoom } from '../model/fair-share.js'
import { type Batch, type Envelope, unjudged } from './envelope.js'
import { FairLine } from './fair-line.js'

/** What arrived while earlier groups were being worked on. `done` makes room for the next group. */
export interface Group<T> {
  readonly items: readonly T[]
  done(): void
}

export interface GroupOptions<T> {
  /** Most items in a group. */
  readonly size: number
  /** Most groups being worked on at once. */
  readonly inFlight: number
  /** Whose turn an item is part of; left out: all are of one. */
  readonly flowOf?: (item: T) => string
  /** Items that may wait (see `hasRoom`); `overflow` gets what is above. Unbounded only where the source bounds itself. */
  readonly waiting?: number
  readonly overflow?: (item: T) => void
  /** Told how many wait, whenever that changes. */
  readonly onWaiting?: (waiting: number) => void
}

/**
 * Groups without a timer: the busier the worker, the larger the groups.
 * Completes when the source has and every group is done.
 */
export function inGroups<T>(options: GroupOptions<T>): OperatorFunction<T, Group<T>> {
  const { size, inFlight, flowOf = () => '', overflow, onWaiting } = options
  const limit = options.waiting ?? Number.POSITIVE_INFINITY
  return (source) =>
    new Observable((subscriber) => {
      const waiting = new FairLine<T>()
      let busy = 0
      let completed = false
      let scheduled = false

      const emit = (): void => {
        scheduled = false
        while (busy < inFlight && waiting.size > 0) {
          const items = waiting.take(size)
          busy += 1
          onWaiting?.(waiting.size)
          let open = true
          const done = (): void => {
            if (!open) return
            open = false
            busy -= 1
            schedule()
          }
          subscriber.next({ items, done })
        }
        if (completed && busy === 0 && waiting.size === 0) subscriber.complete()
      }
      // One turn of the event loop collects everything that one poll of the sockets brought.
      const schedule = (): void => {
        if (scheduled) return
        scheduled = true
        setImmediate(emit)
      }

      return source.subscribe({
        next: (item) => {
          const flow = flowOf(item)
          if (overflow !== undefined && !hasRoom(waiting.size, waiting.held(flow), limit))
            return overflow(item)
          waiting.add(flow, item)
          onWaiting?.(waiting.size)
          if (busy < inFlight) schedule()
        },
        error: (error) => subscriber.error(error),
        complete: () => {
          completed = true
          schedule()
        },
      })
    })
}

/** Groups envelopes into batches, a turn for each tenant; a batch is done when each of its envelopes is settled. */
export function inBatches(options: {
  readonly size: number
  readonly inFlight: number
  readonly waiting: number
  readonly onWaiting?: (waiting: number) => void
}): OperatorFunction<Envelope, Batch> {
  return (source) =>
    source.pipe(
      inGroups({
        ...options,
        flowOf,
        overflow: (envelope) => envelope.settle({ kind: 'refused', failure: saturated() }),
      }),
      map((group) => tracked(group)),
    )
}

/** What is critical does not wait for what else its tenant sends. */
const flowOf = ({ notification: { tenantId, priority } }: Envelope): string =>
  priority === 'critical' ? `! ${tenantId}` : tenantId

function tracked(group: Group<Envelope>): Batch {
  let open = group.items.length
  return group.items.map((envelope) =>
    unjudged({
      notification: envelope.notification,
      origin: envelope.origin,
      settle: (settled) => {
        open -= 1
        if (open === 0) group.done()
        envelope.settle(settled)
      },
    }),
  )
}

const saturated = (): Failure =>
  new Failure('overloaded', 'too many requests are waiting to be accepted', { retryAfterMs: 1_000 })
