import type { HandleEvents } from '../../model/dead-event.js'
import type {
  DeadEventSummary,
  DeadLetter,
  DeadLetterFilter,
  DeadNotification,
} from '../../model/dead-letter.js'
import { Failure, type FailureCode } from '../../model/failure.js'
import { traceIdOf } from '../../model/trace.js'
import type { Queue } from '../../streams/ports.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import type { DeadLetters } from '../ports.js'
import { type RedrivenEvent, redriveEvents } from './redriving-events.js'

export interface RedrivingPorts {
  readonly deadLetters: DeadLetters
  readonly queue: Pick<Queue, 'delay'>
  readonly handleEvents: HandleEvents
  readonly telemetry: Telemetry
}

/** What became of some of those that fit a filter. */
export interface RedriveRound {
  readonly redriven: number
  readonly refused: Readonly<Partial<Record<FailureCode, number>>>
  /** How many fit among the 10 000 that come next. */
  readonly remaining: number
  /** Where to go on; null: everything was looked at. */
  readonly nextCursor: string | null
}

/** Sending dead letters on their way again. Nothing of it counts twice against limits. */
export interface Redriving {
  /** Rejects with `not_found`, or with `conflict` which says what stands in the way. */
  notification(tenantId: string, id: string): Promise<void>
  /** Resolves to how many notifications it became. Rejects besides with 503 when they cannot be taken now. */
  event(tenantId: string, id: string): Promise<number>
  /** The newest first. Rejects with 503 when nothing of a round could be taken. */
  matching(
    tenantId: string,
    filter: DeadLetterFilter,
    page: { readonly limit: number; readonly cursor: string | null },
  ): Promise<RedriveRound>
}

export function createRedriving({ deadLetters, queue, handleEvents, telemetry }: RedrivingPorts): Redriving {
  const { log, metrics } = telemetry

  /** Gives for each whether it was redriven, or why not. */
  const notifications = async (
    tenantId: string,
    wanted: readonly Pick<DeadNotification, 'id' | 'isDigest'>[],
  ): Promise<readonly (Failure | null)[]> => {
    const results = new Map<string, Failure | null>()
    for await (const { redriven, refused } of deadLetters.redrive(tenantId, wanted)) {
      for (const { id, channel, traceparent } of redriven) {
        results.set(id, null)
        const trace_id = traceIdOf(traceparent)
        log.event('notification.redriven', { notification_id: id, tenant_id: tenantId, channel, trace_id })
      }
      for (const [id, failure] of refused) results.set(id, failure)
      metrics.redriven.inc({ kind: 'notification', result: 'redriven' }, redriven.length)
      metrics.redriven.inc({ kind: 'notification', result: 'refused' }, refused.size)
      if (redriven.length === 0) continue
      // Should this fail, the sweeper finds the rows in time.
      await queue
        .delay(redriven.map(({ id, dueAt }) => ({ id, tenantId, dueAt })))
        .catch((err: unknown) => log.event('queue.unavailable', { err, items: redriven.length }))
    }
    return wanted.map(({ id }) => results.get(id) ?? null)
  }

  const events = (tenantId: string, wanted: readonly Pick<DeadEventSummary, 'id' | 'size'>[]) =>
    redriveEvents(tenantId, wanted, { deadLetters, handleEvents, telemetry })

  return {
    async notification(tenantId, id) {
      const [failure] = await notifications(tenantId, [{ id, isDigest: false }])
      if (failure instanceof Failure) throw failure
    },
    async event(tenantId, id) {
      const [outcome] = await events(tenantId, [{ id, size: 0 }])
      if (outcome instanceof Failure) throw outcome
      return outcome?.accepted ?? 0
    },
    async matching(tenantId, filter, page) {
      const { items, nextCursor } = await deadLetters.list(tenantId, filter, page)
      const results = [
        ...(await notifications(tenantId, items.filter(isNotification))),
        ...(await events(tenantId, items.filter(isEvent))),
      ]
      const away = results.find(isAway)
      if (away !== undefined && results.every(isAway)) throw away
      return {
        ...counted(results),
        remaining: nextCursor === null ? 0 : await deadLetters.remaining(tenantId, filter, nextCursor),
        nextCursor,
      }
    },
  }
}

type Result = RedrivenEvent | Failure | null

function counted(results: readonly Result[]): Pick<RedriveRound, 'redriven' | 'refused'> {
  const refused: Partial<Record<FailureCode, number>> = {}
  for (const result of results) {
    if (result instanceof Failure) refused[result.code] = (refused[result.code] ?? 0) + 1
  }
  return { redriven: results.filter((result) => !(result instanceof Failure)).length, refused }
}

const isAway = (result: Result): result is Failure =>
  result instanceof Failure && result.retryAfterMs !== null

const isNotification = (letter: DeadLetter): letter is DeadNotification => letter.kind === 'notification'
const isEvent = (letter: DeadLetter): letter is DeadEventSummary => letter.kind === 'event'
