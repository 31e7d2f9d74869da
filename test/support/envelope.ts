import type { Notification } from '../../src/model/notification.js'
import type { Envelope, Settled } from '../../src/streams/envelope.js'
import { aNotification } from './notification.js'

export interface TestEnvelope extends Envelope {
  /** Every settlement so far; a correct stream settles exactly once. */
  readonly settlements: readonly Settled[]
  readonly settled: Promise<Settled>
}

export function anEnvelope(
  changes: Partial<Notification> = {},
  origin: Envelope['origin'] = 'new',
): TestEnvelope {
  const settlements: Settled[] = []
  let resolve: (settled: Settled) => void = () => undefined
  const settled = new Promise<Settled>((r) => {
    resolve = r
  })
  return {
    notification: aNotification(changes),
    origin,
    settlements,
    settled,
    settle: (value) => {
      settlements.push(value)
      resolve(value)
    },
  }
}
