import type { DeadEvent, EventOutcome, HandleEvents, KafkaRecord } from '../../model/dead-event.js'
import type { Log } from '../../telemetry/log.js'
import type { Item } from './portions.js'
import type { DeadLetters } from './ports.js'
import type { Tries } from './tries.js'

/** Why a partition goes no further for now. */
export interface Stop {
  readonly reason: 'unavailable' | 'failed' | 'dead_letters_unavailable'
  /** In milliseconds; null: by the partition's own back-off. */
  readonly retryAfterMs: number | null
  readonly cause: unknown
}

export interface PortionResult {
  /** How many from the front are durable, ignored or put aside. */
  readonly durable: number
  /** Null: all of them are. */
  readonly stop: Stop | null
}

export interface PortionPorts {
  readonly handle: HandleEvents
  readonly deadLetters: DeadLetters
  readonly retryDelaysMs: readonly number[]
  readonly log: Log
}

/** What becomes of one record: it is over with, it has to be put aside, or it stops the partition. */
type Fate =
  | { readonly kind: 'over' }
  | { readonly kind: 'dead'; readonly event: DeadEvent }
  | { readonly kind: 'stop'; readonly stop: Stop }

const OVER: Fate = { kind: 'over' }

const missing = (): EventOutcome => ({
  kind: 'unavailable',
  retryAfterMs: 0,
  cause: new Error('A record was given no outcome'),
})

/** Hands in one portion of a partition's records, and puts aside what cannot become notifications. Never rejects. */
export async function settlePortion(
  items: readonly Item[],
  tries: Tries,
  { handle, deadLetters, retryDelaysMs, log }: PortionPorts,
): Promise<PortionResult> {
  let outcomes: readonly EventOutcome[]
  try {
    outcomes = await outcomesOf(items, handle)
  } catch (cause) {
    return { durable: 0, stop: { reason: 'unavailable', retryAfterMs: null, cause } }
  }
  // What fails while the store is away may have failed because of that, and is not counted.
  const calm = !outcomes.some(({ kind }) => kind === 'unavailable')
  const count = (offset: string): number => (calm ? tries.add(offset) : 1)
  const fates = items.map(({ record }, index) =>
    fateOf(record, outcomes[index] ?? missing(), count, retryDelaysMs),
  )
  const stopped = fates.findIndex(({ kind }) => kind === 'stop')
  const front = stopped === -1 ? fates : fates.slice(0, stopped)
  const firstDead = front.findIndex(({ kind }) => kind === 'dead')
  const dead = front.flatMap((fate) => (fate.kind === 'dead' ? [fate.event] : []))
  if (dead.length > 0) {
    try {
      await deadLetters.add(dead)
    } catch (cause) {
      return { durable: firstDead, stop: { reason: 'dead_letters_unavailable', retryAfterMs: null, cause } }
    }
    for (const event of dead) report(event, log)
  }
  const fate = fates[stopped]
  return { durable: front.length, stop: fate?.kind === 'stop' ? fate.stop : null }
}

async function outcomesOf(items: readonly Item[], handle: HandleEvents): Promise<readonly EventOutcome[]> {
  const open = items.filter(({ outcome }) => outcome === null)
  const handled = open.length > 0 ? await handle(open.map(({ record }) => record)) : []
  const next = handled.values()
  return items.map(({ outcome }) => outcome ?? next.next().value ?? missing())
}

function fateOf(
  record: KafkaRecord,
  outcome: EventOutcome,
  count: (offset: string) => number,
  delaysMs: readonly number[],
): Fate {
  switch (outcome.kind) {
    case 'done':
    case 'ignored':
      return OVER
    case 'poison':
      return { kind: 'dead', event: { ...outcome.poison, record } }
    case 'failed': {
      const retryAfterMs = delaysMs[count(record.offset) - 1]
      if (retryAfterMs === undefined) return { kind: 'dead', event: { ...outcome.poison, record } }
      return { kind: 'stop', stop: { reason: 'failed', retryAfterMs, cause: outcome.cause } }
    }
    case 'unavailable': {
      const { retryAfterMs, cause } = outcome
      return { kind: 'stop', stop: { reason: 'unavailable', retryAfterMs, cause } }
    }
  }
}

function report({ record, reason, detail, eventId, eventType, tenantId }: DeadEvent, log: Log): void {
  const { topic, partition, offset } = record
  const event = { event_id: eventId, event_type: eventType }
  log.event('kafka.dead_lettered', {
    topic,
    partition,
    offset,
    reason,
    detail,
    ...event,
    tenant_id: tenantId,
  })
}
