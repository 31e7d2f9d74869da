import type { EventOutcome, KafkaRecord } from '../../model/dead-event.js'
import type { SpanAttributes, Tracing } from '../../telemetry/tracing.js'
import type { Event } from './event.js'

/**
 * Records the work on an event, as OpenTelemetry's conventions for messaging have it: in the trace of its
 * producer, and what comes of the event comes of this.
 */
export async function traced(
  tracing: Tracing,
  event: Event,
  record: KafkaRecord,
  work: (event: Event) => Promise<EventOutcome>,
): Promise<EventOutcome> {
  const span = tracing.start(`process ${record.topic}`, 'consumer', event.traceparent)
  if (span === null) return work(event)
  try {
    const outcome = await work({ ...event, traceparent: span.traceparent })
    span.end(failureOf(outcome), () => ({ ...factsOf(event, record), ...resultOf(outcome) }))
    return outcome
  } catch (error) {
    span.end('internal', () => factsOf(event, record))
    throw error
  }
}

const factsOf = ({ facts: { event } }: Event, { topic, partition, offset }: KafkaRecord): SpanAttributes => ({
  'messaging.system': 'kafka',
  'messaging.operation.name': 'process',
  'messaging.operation.type': 'process',
  'messaging.destination.name': topic,
  'messaging.destination.partition.id': `${partition}`,
  'messaging.kafka.offset': Number(offset),
  'notification.event_type': event.type,
})

const resultOf = (outcome: EventOutcome): SpanAttributes => ({
  'notification.event_result': outcome.kind,
  'notification.accepted': outcome.kind === 'done' ? outcome.accepted : null,
})

function failureOf(outcome: EventOutcome): string | null {
  if (outcome.kind === 'poison' || outcome.kind === 'failed') return outcome.poison.reason
  return outcome.kind === 'unavailable' ? 'unavailable' : null
}
