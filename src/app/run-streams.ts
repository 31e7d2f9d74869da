import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Observable } from 'rxjs'
import { dueNotifications } from '../sources/delay.js'
import type { Intake } from '../sources/intake.js'
import { acceptance, deliveries, type StreamOptions, type StreamPorts } from '../streams/notifications.js'
import type { Telemetry } from '../telemetry/telemetry.js'

export interface RunningStreams {
  /** Claims no more; what is under way goes on. */
  stop(): void
  /** Resolves when everything that was under way is recorded; after `stop` and the end of the intake. */
  drained(): Promise<void>
  /** Aborts what is under way and gives it back, for another instance to take. */
  cutOff(): void
}

export interface StreamSources {
  readonly intake: Intake
  readonly scanIntervalMs: number
}

/** Due notifications that may be on their way through the stages at once. */
const DUE_IN_FLIGHT = 2_000
const WRITE_AGAIN_MS = 500
/** How long results that cannot be written are held once everything else is over. */
const LAST_WRITES_MS = 3_000

/** Subscribes to both streams. `onCrash`: a stream ended with an error, which only a defect can do. */
export function runStreams(
  { intake, scanIntervalMs }: StreamSources,
  ports: StreamPorts,
  options: StreamOptions,
  telemetry: Telemetry,
  onCrash: (error: unknown) => void,
): RunningStreams {
  const stop = new AbortController()
  const cutOff = new AbortController()
  const giveUp = new AbortController()
  // One listener for each delivery under way: as many as there are slots.
  for (const { signal } of [stop, cutOff, giveUp]) setMaxListeners(0, signal)

  const due = dueNotifications(
    { intervalMs: scanIntervalMs, inFlight: DUE_IN_FLIGHT, stop: stop.signal },
    { ...ports, log: telemetry.log, tracing: telemetry.tracing },
  )
  const pause = (): Promise<void> => delay(WRITE_AGAIN_MS, undefined, { signal: giveUp.signal })
  const ends = { stop: stop.signal, cutOff: cutOff.signal, pause }
  const streams: readonly Observable<unknown>[] = [
    acceptance([intake.envelopes$, due], ports, options, telemetry),
    deliveries(ports, options, ends, telemetry),
  ]
  const ended = streams.map(
    (stream) =>
      new Promise<void>((resolve) => {
        stream.subscribe({
          complete: resolve,
          error: (error) => {
            if (!giveUp.signal.aborted) onCrash(error)
            resolve()
          },
        })
      }),
  )
  return {
    stop: () => stop.abort(),
    drained: async () => {
      await Promise.all(ended)
    },
    cutOff: () => {
      cutOff.abort()
      setTimeout(() => giveUp.abort(), LAST_WRITES_MS).unref()
    },
  }
}
