import type { KafkaMessage } from 'kafkajs'
import type { EventOutcome, KafkaRecord } from '../../model/dead-event.js'
import { undecodable } from './codecs/undecodable.js'
import { type Place, recordOf } from './records.js'

/** A record, and what became of it where that is known before it is handed in. */
export interface Item {
  readonly record: KafkaRecord
  readonly outcome: EventOutcome | null
}

/** As many as are committed together, so that a batch fills a statement. */
const PORTION = 500

/** @param tenantId whose dead letter it is when a whole batch cannot be read; it makes one, by its first record */
export function portionsOf(
  place: Place,
  messages: readonly KafkaMessage[],
  tenantId: string,
): readonly (readonly Item[])[] {
  const portions: Item[][] = []
  let unreadable: string | null = null
  for (const [index, message] of messages.entries()) {
    if (index % PORTION === 0) portions.push([])
    const wrong = undecodable(message.headers)
    const record = recordOf(place, wrong === null ? message : withoutHeaders(message))
    const first = wrong?.baseOffset !== unreadable
    unreadable = wrong?.baseOffset ?? null
    const outcome = wrong === null ? null : first ? poison(wrong.detail, tenantId) : IGNORED
    portions.at(-1)?.push({ record, outcome })
  }
  return portions
}

/** The mark that it was given here. */
const withoutHeaders = ({
  offset,
  key,
  value,
}: KafkaMessage): Pick<KafkaMessage, 'offset' | 'key' | 'value'> => ({
  offset,
  key,
  value,
})

const IGNORED: EventOutcome = { kind: 'ignored' }

const poison = (detail: string, tenantId: string): EventOutcome => ({
  kind: 'poison',
  poison: { tenantId, eventId: null, eventType: null, reason: 'unreadable', detail, traceparent: null },
})
