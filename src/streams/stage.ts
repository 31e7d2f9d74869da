import { mergeMap, type OperatorFunction } from 'rxjs'
import { Failure } from '../model/failure.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Batch, Judged, Subject } from './envelope.js'

/** Judges a batch in one go: one verdict an item, in order. */
export type Check<I> = (items: readonly I[]) => Promise<readonly Verdict[]>

export interface Stage {
  readonly name: string
  /** Says which ones the stage has anything to say about. Those that another stage has stopped are never asked. */
  readonly concerns: (subject: Subject) => boolean
  readonly check: Check<Subject>
}

/** One stage after the other. */
export const judging =
  (stages: readonly Stage[], telemetry: Telemetry): OperatorFunction<Batch, Batch> =>
  (batches) =>
    stages.reduce((judged, next) => judged.pipe(stage(next, telemetry)), batches)

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
    const open = batch.filter((item) => item.verdict.kind === 'pass' && concerns(item))
    if (open.length === 0) return batch
    const stop = time()
    const verdicts = await check(open).catch((error: unknown) => {
      log.event('stage.failed', { stage: name, err: error, items: open.length })
      const failure = error instanceof Failure ? error : unavailable(name, error)
      return open.map((): Verdict => ({ kind: 'reject', failure }))
    })
    stop()
    let next = 0
    return batch.map((item) =>
      item === open[next]
        ? judged(item, verdicts[next++] ?? { kind: 'reject', failure: unavailable(name) })
        : item,
    )
  })
}

function judged(item: Judged, verdict: Verdict): Judged {
  if (verdict === PASS) return item
  if (verdict.kind !== 'pass') return { ...item, verdict }
  const { notification = item.notification, standing = item.standing } = verdict
  return { envelope: item.envelope, notification, standing, verdict: PASS }
}

const unavailable = (name: string, cause?: unknown): Failure =>
  new Failure('internal', `the ${name} check is not available`, { cause, retryAfterMs: 1_000 })
