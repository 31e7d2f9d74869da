import { map, Observable, type OperatorFunction } from 'rxjs'
import { Failure } from '../model/failure.js'
import { type Batch, type Envelope, unjudged } from './envelope.js'

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
  /** Most items that wait; `overflow` gets what is above. Unbounded only where the source bounds itself. */
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
  const { size, inFlight, waiting: limit = Number.POSITIVE_INFINITY, overflow, onWaiting } = options
  return (source) =>
    new Observable((subscriber) => {
      let waiting: T[] = []
      let busy = 0
      let completed = false
      let scheduled = false

      const emit = (): void => {
        scheduled = false
        while (busy < inFlight && waiting.length > 0) {
          const items = waiting.length <= size ? waiting : waiting.slice(0, size)
          waiting = waiting.length <= size ? [] : waiting.slice(size)
          busy += 1
          onWaiting?.(waiting.length)
          let open = true
          const done = (): void => {
            if (!open) return
            open = false
            busy -= 1
            schedule()
          }
          subscriber.next({ items, done })
        }
        if (completed && busy === 0 && waiting.length === 0) subscriber.complete()
      }
      // One turn of the event loop collects everything that one poll of the sockets brought.
      const schedule = (): void => {
        if (scheduled) return
        scheduled = true
        setImmediate(emit)
      }

      return source.subscribe({
        next: (item) => {
          if (overflow !== undefined && waiting.length >= limit) return overflow(item)
          waiting.push(item)
          onWaiting?.(waiting.length)
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

/** Groups envelopes into batches; a batch is done when each of its envelopes is settled. */
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
        overflow: (envelope) => envelope.settle({ kind: 'refused', failure: saturated() }),
      }),
      map((group) => tracked(group)),
    )
}

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
