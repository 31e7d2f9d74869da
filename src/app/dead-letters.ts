import { createRedriving, type Redriving } from '../api/use-cases/redriving.js'
import type { HandleEvents } from '../model/dead-event.js'
import { deadLetterId } from '../model/id.js'
import { PostgresDeadLetters } from '../state/postgres/dead-letters.js'
import type { Queue } from '../streams/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Database } from './database.js'

/** What ended badly, and how it gets on its way again. */
export function openDeadLetters(
  { store, reading, clock }: Pick<Database, 'store' | 'reading' | 'clock'>,
  queue: Pick<Queue, 'delay'>,
  handleEvents: HandleEvents,
  telemetry: Telemetry,
): { readonly deadLetters: PostgresDeadLetters; readonly redriving: Redriving } {
  const deadLetters = new PostgresDeadLetters(store, { reading, newId: () => deadLetterId(clock.now()) })
  return { deadLetters, redriving: createRedriving({ deadLetters, queue, handleEvents, telemetry }) }
}
