import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EventOutcome, HandleEvents, KafkaRecord, Poison } from '../../model/dead-event.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { readEvent } from './event.js'
import { traced } from './event-span.js'
import { memberOf, nameIn, tenantIn } from './names.js'
import type { Routing } from './routes.js'
import { Slots } from './slots.js'
import { type SubmitEvent, submitAll } from './submit.js'
import type { Origin } from './tally.js'

export interface EventPorts {
  readonly routing: Routing
  readonly submit: SubmitEvent
  readonly telemetry: Telemetry
}

export interface EventOptions {
  /** Whose events are that do not tell their tenant. */
  readonly defaultTenant: string
  /** How long an event is known again. */
  readonly dedupeMs: number
  /** Of the value of a record. */
  readonly maxBytes: number
  /** Notifications that may wait to be durable at once. */
  readonly inFlight: number
}

/** What is read in one go, before others have their turn. */
const BYTES_IN_ONE_TURN = 262_144

/** Makes records into durable notifications: reads them, routes them, hands in side by side what they ask for. */
export function handlingOf(ports: EventPorts, options: EventOptions): HandleEvents {
  const slots = new Slots(options.inFlight)
  const counted = async (record: KafkaRecord): Promise<EventOutcome> => {
    const outcome = await handled(record, ports, options, slots)
    ports.telemetry.metrics.events.inc({ source: 'kafka', result: outcome.kind })
    return outcome
  }
  return async (records) => {
    const outcomes: Promise<EventOutcome>[] = []
    let bytes = 0
    for (const record of records) {
      outcomes.push(counted(record))
      bytes += record.value?.length ?? 0
      if (bytes < BYTES_IN_ONE_TURN) continue
      bytes = 0
      await nextTurn()
    }
    return Promise.all(outcomes)
  }
}

async function handled(
  record: KafkaRecord,
  { routing, submit, telemetry }: EventPorts,
  { defaultTenant, dedupeMs, maxBytes }: EventOptions,
  slots: Slots,
): Promise<EventOutcome> {
  let origin: Origin = { tenantId: defaultTenant, eventId: null, eventType: null, traceparent: null }
  try {
    const reading = readEvent(record, maxBytes)
    if (reading.kind === 'tombstone') return { kind: 'ignored' }
    if (reading.kind === 'unreadable') {
      const { kind: _, ...known } = reading
      return { kind: 'poison', poison: { tenantId: defaultTenant, ...known } }
    }
    const { facts, traceparent } = reading
    const { id, type, topic } = facts.event
    const notifications = routing(facts)
    if (notifications === null) {
      telemetry.log.event('event.ignored', { topic, event_type: type })
      return { kind: 'ignored' }
    }
    const tenantId = tenantIn(memberOf(facts.data, 'tenant_id')) ?? defaultTenant
    origin = { tenantId, eventId: nameIn(id), eventType: type, traceparent }
    const limits = { slots, keepMs: dedupeMs, tenantId }
    const known = origin
    return await traced(telemetry.tracing, reading, record, async (event) =>
      (await submitAll(event, notifications, submit, limits)).outcome(known),
    )
  } catch (cause) {
    const poison: Poison = { ...origin, reason: 'internal', detail: 'something went wrong here' }
    return { kind: 'failed', poison, cause }
  }
}
