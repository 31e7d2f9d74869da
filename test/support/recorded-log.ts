import { EventEmitter, once } from 'node:events'
import type { EventName } from '../../src/telemetry/events.js'
import type { Log, LogFields } from '../../src/telemetry/log.js'

export interface RecordedLog extends Log {
  readonly lines: readonly { readonly event: EventName; readonly fields: LogFields }[]
  /** Resolves when `event` is logged the next time. */
  next(event: EventName): Promise<void>
  count(event: EventName): number
}

/** A log that keeps its lines and lets a test wait for one. */
export function recordLog(): RecordedLog {
  const lines: { event: EventName; fields: LogFields }[] = []
  const emitter = new EventEmitter()
  return {
    lines,
    level: 'debug',
    flush: () => undefined,
    event: (event, fields = {}) => {
      lines.push({ event, fields })
      emitter.emit(event)
    },
    next: async (event) => {
      await once(emitter, event)
    },
    count: (event) => lines.filter((line) => line.event === event).length,
  }
}
