import type { Log } from '../telemetry/log.js'
import type { RunningStreams } from './run-streams.js'

interface Closing {
  close(): Promise<void>
}

export interface Parts {
  /** Refuses new connections at once; `close` waits for the requests that it has. */
  readonly server: { close(): PromiseLike<unknown>; readonly server: { closeAllConnections(): void } }
  /** Tells its clients to go elsewhere; `close` waits for the calls that it has. */
  readonly grpc: Closing & { closeAllConnections(): void }
  readonly kafka: { stop(): Promise<void> }
  readonly schedules: { stop(): Promise<void> }
  readonly intake: { close(): void }
  readonly streams: RunningStreams
  readonly hub: Closing
  readonly upkeep: { stop(): Promise<void> }
  readonly rendering: Closing
  readonly sinks: Closing
  readonly index: Closing
  readonly database: Closing
}

/** What is left of the time for closing sockets and stores, once deliveries were cut off. */
const LAST_STEPS_MS = 5_000

/**
 * Stops intake, drains, gives back what could not be finished, closes the sockets with a
 * reason, and then the stores that all of these need.
 */
export async function shutDown(parts: Parts, timeoutMs: number, log: Log): Promise<void> {
  const { server, grpc, kafka, schedules, intake, streams, hub, upkeep, rendering, sinks, index, database } =
    parts
  const begun = performance.now()
  const served = Promise.all([server.close(), grpc.close()])
  streams.stop()
  let giveUp: () => void = () => undefined
  const impatient = new Promise<void>((resolve) => {
    giveUp = resolve
  })
  const patience = setTimeout(
    () => {
      log.event('service.drain_timed_out')
      streams.cutOff()
      giveUp()
    },
    Math.max(0, timeoutMs - LAST_STEPS_MS),
  )
  // What they have begun is still to be accepted; what is not is fired again, by its key.
  await Promise.race([Promise.all([kafka.stop(), schedules.stop()]), impatient])
  intake.close()
  await streams.drained()
  clearTimeout(patience)
  await hub.close()
  // A client that never finishes its request, or never reads its answer, would keep us for ever.
  const cut = setTimeout(
    () => {
      server.server.closeAllConnections()
      grpc.closeAllConnections()
    },
    Math.max(0, begun + timeoutMs - LAST_STEPS_MS - performance.now()),
  )
  await served
  clearTimeout(cut)
  await Promise.all([upkeep.stop(), rendering.close(), sinks.close()])
  await index.close()
  await database.close()
}
