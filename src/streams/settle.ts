import { concatMap, type OperatorFunction, pipe } from 'rxjs'
import { notificationId } from '../model/id.js'
import type { Channel, QueuedChannel } from '../model/notification.js'
import { type RetryPolicy, type Settlement, settlementOf } from '../model/retry-policy.js'
import { isSilent } from '../model/silent.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import { inGroups } from './batches.js'
import type { Attempted } from './deliver.js'
import { enqueueDue } from './enqueue.js'
import { writable } from './portions.js'
import type { AttemptResult, Ledger, Queue } from './ports.js'
import { reporter } from './report.js'

/** What follows a failure. */
export interface AfterwardsPolicy {
  readonly retry: RetryPolicy
  /** The channel that is tried when there is no retry left; null: none. */
  readonly fallbackFor: (tenantId: string) => Channel | null
}

export interface SettlePorts {
  readonly ledger: Ledger
  readonly queue: Queue
  /** Waits before a write is tried again; rejects when the process must end. */
  readonly pause: () => Promise<void>
}

const SETTLED_AT_ONCE = 500

/**
 * Writes what became of the attempts and gives their slots back. While the ledger is away
 * the results are held, and with them the slots: so no more is claimed than can be recorded.
 */
export function settle(
  channel: QueuedChannel,
  policy: AfterwardsPolicy,
  { ledger, queue, pause }: SettlePorts,
  telemetry: Telemetry,
): OperatorFunction<Attempted, readonly AttemptResult[]> {
  const { log } = telemetry
  const report = reporter(channel, telemetry)

  const written = async (results: readonly AttemptResult[]): ReturnType<Ledger['settle']> => {
    for (;;) {
      try {
        return await ledger.settle(results)
      } catch (error) {
        log.event('ledger.unavailable', { channel, err: error, held: results.length })
        await pause()
      }
    }
  }

  return pipe(
    inGroups<Attempted>({ size: SETTLED_AT_ONCE, inFlight: 1 }),
    concatMap(async ({ items, done }) => {
      const all: AttemptResult[] = []
      for (const some of writable(items, ({ delivery }) => delivery.notification)) {
        const results = some.map((attempted) => resultOf(attempted, channel, policy))
        const { applied, due } = await written(results)
        await enqueueDue(due, { queue, log })
        for (const [n, result] of results.entries()) {
          const attempted = some[n]
          if (attempted !== undefined) report(attempted, result, applied.has(result.id))
        }
        for (const { delivery } of some) delivery.release()
        all.push(...results)
      }
      done()
      return all
    }),
  )
}

function resultOf(
  { delivery: { notification, leaseToken }, outcome, startedAt, durationMs }: Attempted,
  channel: QueuedChannel,
  { retry, fallbackFor }: AfterwardsPolicy,
): AttemptResult {
  const { id, tenantId, attempt, earlierAttempts } = notification
  const settlement: Settlement | { readonly status: 'released' } =
    outcome.kind === 'released'
      ? { status: 'released' }
      : settlementOf(outcome, attempt - earlierAttempts, retry, Math.random())
  const { status } = settlement
  const fallback = status === 'failed' && !isSilent(notification) ? fallbackFor(tenantId) : null
  return {
    id,
    leaseToken,
    attempt,
    channel,
    status,
    retryAfterMs: settlement.status === 'retry' ? settlement.afterMs : 0,
    failure:
      outcome.kind === 'failed'
        ? { code: outcome.failure.code, message: outcome.failure.message, provider: outcome.failure.provider }
        : null,
    receipt: outcome.kind === 'sent' ? outcome.receipt : null,
    fallback: fallback === null ? null : { id: notificationId(startedAt), channel: fallback },
    startedAt,
    durationMs,
  }
}
