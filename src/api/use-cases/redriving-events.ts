import type { EventOutcome, HandleEvents, Poison } from '../../model/dead-event.js'
import type { DeadEventRecord, DeadEventSummary } from '../../model/dead-letter.js'
import { Failure } from '../../model/failure.js'
import { traceIdOf } from '../../model/trace.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import type { DeadLetters } from '../ports.js'

/** An event that has become notifications after all. */
export interface RedrivenEvent {
  /** How many. 0 where no route wants it any more, or its condition does not hold. */
  readonly accepted: number
}

interface Ports {
  readonly deadLetters: Pick<DeadLetters, 'records' | 'settle'>
  readonly handleEvents: HandleEvents
  readonly telemetry: Telemetry
}

/** How much is read at once, in bytes of payloads and in events. */
const MOST_BYTES = 8 * 1024 * 1024
const MOST_EVENTS = 100

/** Hands events to the routes once more, as Kafka would. Gives for each what became of it; in order. */
export async function redriveEvents(
  tenantId: string,
  wanted: readonly Pick<DeadEventSummary, 'id' | 'size'>[],
  ports: Ports,
): Promise<readonly (RedrivenEvent | Failure)[]> {
  const results: (RedrivenEvent | Failure)[] = []
  for (const ids of portions(wanted)) results.push(...(await redrivePortion(tenantId, ids, ports)))
  return results
}

async function redrivePortion(
  tenantId: string,
  ids: readonly string[],
  { deadLetters, handleEvents, telemetry }: Ports,
): Promise<readonly (RedrivenEvent | Failure)[]> {
  const known = new Map((await deadLetters.records(tenantId, ids)).map((event) => [event.id, event]))
  const usable = [...known.values()].filter((event) => obstacle(event) === null)
  const outcomes = usable.length === 0 ? [] : await handleEvents(usable.map(({ record }) => record))
  const results = new Map<string, RedrivenEvent | Failure>()
  const settled = new Map<string, Pick<Poison, 'reason' | 'detail'> | null>()
  for (const [n, event] of usable.entries()) {
    const outcome = outcomes[n] ?? unanswered()
    results.set(event.id, resultOf(outcome))
    if (outcome.kind === 'done' || outcome.kind === 'ignored') settled.set(event.id, null)
    else if (outcome.kind !== 'unavailable') settled.set(event.id, outcome.poison)
    report(tenantId, event, outcome, telemetry)
  }
  if (settled.size > 0) await deadLetters.settle(settled)
  return ids.map((id) => {
    const event = known.get(id)
    if (event === undefined) return new Failure('not_found', 'there is no such dead letter')
    return results.get(id) ?? obstacle(event) ?? new Failure('internal', 'the event was not handled')
  })
}

function obstacle({ status, complete, deadSince }: DeadEventRecord): Failure | null {
  if (status === 'redriven') {
    return new Failure('conflict', `the event was redriven at ${new Date(deadSince).toISOString()}`)
  }
  return complete ? null : new Failure('conflict', 'the event was too large to be kept: have it sent again')
}

function resultOf(outcome: EventOutcome): RedrivenEvent | Failure {
  switch (outcome.kind) {
    case 'done':
      return { accepted: outcome.accepted }
    case 'ignored':
      return { accepted: 0 }
    case 'unavailable': {
      const { cause, retryAfterMs } = outcome
      if (cause instanceof Failure && cause.retryAfterMs !== null) return cause
      return new Failure('store_unavailable', 'the event cannot be taken now', { cause, retryAfterMs })
    }
    default: {
      const { reason, detail } = outcome.poison
      return new Failure('conflict', `the event still cannot become notifications: ${reason}: ${detail}`)
    }
  }
}

function report(
  tenantId: string,
  { id, record: { topic, partition, offset }, traceparent }: DeadEventRecord,
  outcome: EventOutcome,
  { log, metrics }: Telemetry,
): void {
  const done = outcome.kind === 'done' || outcome.kind === 'ignored'
  metrics.redriven.inc({ kind: 'event', result: done ? 'redriven' : 'refused' })
  log.event(done ? 'event.redriven' : 'event.redrive_refused', {
    dead_letter_id: id,
    tenant_id: tenantId,
    topic,
    partition,
    offset,
    trace_id: traceIdOf(traceparent),
    outcome: outcome.kind,
    ...('poison' in outcome ? { reason: outcome.poison.reason } : {}),
    ...('cause' in outcome ? { err: outcome.cause } : {}),
  })
}

function portions(wanted: readonly Pick<DeadEventSummary, 'id' | 'size'>[]): readonly (readonly string[])[] {
  const all: string[][] = []
  let bytes = 0
  for (const { id, size } of wanted) {
    const current = all.at(-1)
    bytes += size
    if (current !== undefined && current.length < MOST_EVENTS && bytes <= MOST_BYTES) current.push(id)
    else {
      all.push([id])
      bytes = size
    }
  }
  return all
}

const unanswered = (): EventOutcome => {
  const cause = new Error('the routes gave no outcome for an event')
  return { kind: 'unavailable', retryAfterMs: 1_000, cause }
}
