import type { KafkaMessage } from 'kafkajs'
import type { EventOutcome, KafkaRecord } from '../../model/dead-event.js'
import { undecodable } from './codecs/undecodable.js'
import { type Place, recordOf } from './records.js'

/** A record, and what became of it where that is known before it is handed in. */
export interface Item {
  readonly record: KafkaRecord
  readonly outcome: EventOutcome | null
}

/** As many as are handed in together: those of a few partitions fill a statement, and no more wait for it. */
export const PORTION = 200

/**
 * Made when they are asked for: a batch may have many times what is worked on at once.
 * @param tenantId whose dead letter it is when a whole batch cannot be read; it makes one, by its first record
 */
export function* portionsOf(
  place: Place,
  messages: readonly KafkaMessage[],
  tenantId: string,
): Generator<readonly Item[], void> {
  let unreadable: string | null = null
  for (let at = 0; at < messages.length; at += PORTION) {
    const portion: Item[] = []
    for (const message of messages.slice(at, at + PORTION)) {
      const wrong = undecodable(message.headers)
      const first = wrong?.baseOffset !== unreadable
      unreadable = wrong?.baseOffset ?? null
      portion.push({
        record: recordOf(place, wrong === null ? message : withoutHeaders(message)),
        outcome: wrong === null ? null : first ? poison(wrong.detail, tenantId) : IGNORED,
      })
    }
    yield portion
  }
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
