import { bodyReader } from '../api/http/validation.js'
import { SendBody } from '../api/schemas/send.js'
import type { Sending } from '../api/use-cases/sending.js'
import type { Config } from '../config/config.js'
import type { HandleEvents } from '../model/dead-event.js'
import { handlingOf } from '../sources/kafka/handle.js'
import { compileRoutes } from '../sources/kafka/routes.js'
import type { Telemetry } from '../telemetry/telemetry.js'

/** Turns records of Kafka into notifications, by the routes of the configuration; also those that are redriven. */
export function handleEvents(
  { events, intake }: Pick<Config, 'events' | 'intake'>,
  sending: Pick<Sending, 'send'>,
  telemetry: Telemetry,
): HandleEvents {
  const read = bodyReader(SendBody)
  const { defaultTenant, dedupeMs, maxBytes } = events
  return handlingOf(
    {
      routing: compileRoutes(events.routes),
      submit: async (body, origin) => sending.send(read(body), origin),
      telemetry,
    },
    { defaultTenant, dedupeMs, maxBytes, inFlight: inFlight(intake) },
  )
}

/** As many as fill the batches under way and the next ones; half of the room is left to other callers. */
const inFlight = ({ batchSize, inFlight, waiting }: Config['intake']): number =>
  Math.max(1, Math.min(2 * batchSize * inFlight, Math.floor(waiting / 2)))
