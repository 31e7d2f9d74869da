import { mergeMap, type OperatorFunction } from 'rxjs'
import { Failure } from '../model/failure.js'
import type { Notification } from '../model/notification.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Batch, Judged } from './envelope.js'

/** Judges a batch in one go: one verdict an item, in order. */
export type Check<I> = (items: readonly I[]) => Promise<readonly Verdict[]>

export interface Stage {
  readonly name: string
  /** Says which notifications the stage has anything to say about. Those that another stage has stopped are never asked. */
  readonly concerns: (notification: Notification) => boolean
  readonly check: Check<Notification>
}

/**
 * Runs a check over those items of each batch that no stage has stopped yet.
 * A check that throws rejects its items with a failure that may be retried; the stream goes on.
 */
export function stage(
  { name, concerns, check }: Stage,
  { log, metrics }: Telemetry,
): OperatorFunction<Batch, Batch> {
  const time = (): (() => void) => metrics.stageSeconds.startTimer({ stage: name })
  return mergeMap(async (batch) => {
    const open = batch.filter((item) => item.verdict.kind === 'pass' && concerns(item.notification))
    if (open.length === 0) return batch
    const stop = time()
    const verdicts = await check(open.map((item) => item.notification)).catch((error: unknown) => {
      log.event('stage.failed', { stage: name, err: error, items: open.length })
      const failure = error instanceof Failure ? error : unavailable(name, error)
      return open.map((): Verdict => ({ kind: 'reject', failure }))
    })
    stop()
    let next = 0
    return batch.map((item) => (item === open[next] ? judged(item, verdicts[next++] ?? PASS) : item))
  })
}

function judged(item: Judged, verdict: Verdict): Judged {
  if (verdict === PASS) return item
  if (verdict.kind === 'pass' && verdict.rendered !== undefined) {
    return { ...item, notification: { ...item.notification, ...verdict.rendered } }
  }
  return { ...item, verdict }
}

const unavailable = (name: string, cause: unknown): Failure =>
  new Failure('internal', `the ${name} check is not available`, { cause, retryAfterMs: 1_000 })
